"""Where a comparison stands: at which instant, on which snapshot, whose rows, and are rows and lake at one place?"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

from proof.parity.evidence import Progress
from scorer import subjects
from scorer.subjects import Subjects
from scv.errors import CerebroError, UserError
from scv.events import calendar
from scv.events.country import Country
from scv.offline import snapshot
from scv.offline.fetch import Listener, fetch
from scv.offline.lake import Lake
from scv.online.keys import Keys
from scv.online.rowstore import RowStore
from scv.settings import Settings
from scv.stamp import Stamp
from store.flush import request_flush
from streams.positions.position import positions

PATIENCE_S = 2.0
"""How long rows and lake may both stand still apart before they are compared as they are."""
LONGEST_S = 20.0
"""How long to wait at all: where events never cease they may never stand together."""
POLL_S = 0.1


class BatchSide(NamedTuple):
    """The batch's side of a comparison: everyone in the snapshot of an instant, and what that is of."""

    country: Country
    at: datetime
    stamp: Stamp
    everyone: Subjects


def check_clock(client: Any, country: Country, at: datetime) -> None:
    """Raise UserError unless the country's clock stands at `at`; on wall time: came by it on this local day."""
    clock = RowStore(client).clock(country.code)
    now, advice = clock.now, "Replay with --until, or compare at the clock: leave out -d."
    if now == at:
        return
    if clock.mode == "wall" and now is not None:
        if at <= now and at.astimezone(country.zone).date() == now.astimezone(country.zone).date():
            return
        advice = "It lives on wall time: leave out -d."
    raise UserError(f"{country.code} stands at {now}, not at {at}: a row cannot answer for another instant. {advice}")


def wait(settings: Settings, client: Any, say: Callable[[str], None]) -> None:
    """Until rows and lake stand at one place; says so where they do not and nothing moves any more."""
    store, lake = RowStore(client), Lake(settings.lake_path)
    logs, epoch = store.logs(), lake.epoch()
    if epoch is None or any(epoch.topics.get(topic) != log.topic_id for topic, log in logs.items()):
        say("Rows and lake are not of one log: no barrier. Run `cerebro rebuild`.")
        return
    request_flush(client)
    begun, moved, before = time.monotonic(), time.monotonic(), None
    while not (stands := positions(store, lake, logs)).together:
        now = time.monotonic()
        moved, before = (moved if stands == before else now), stands
        if now - moved > PATIENCE_S or now - begun > LONGEST_S:
            behind, ahead = stands.behind(stands.lake)["online"], stands.behind(stands.online)["lake"]
            say(f"No barrier: rows are {behind:,} records behind the lake and {ahead:,} ahead of it.")
            return
        time.sleep(POLL_S)


def stored(client: Any, country: Country) -> set[str]:
    """The customers of a country who have a row in the store, of any fetcher and of any definition."""
    pattern = Keys(client.prefix).row(country.code, "*")
    before, after = pattern.split("*")
    keys = client.scan_iter(match=pattern, count=10_000)
    return {key.decode().removeprefix(before).removesuffix(after) for key in keys}


@contextmanager
def snapshot_at(
    settings: Settings, client: Any, country: Country, at: datetime, progress: Progress
) -> Iterator[BatchSide]:
    """The snapshot of a reference, however complete it is; fetched if there is none.

    One that was taken on wall time goes afterwards: nobody asks for that instant again. Raises UserError where it may
    not be used.
    """
    root = settings.snapshots_path
    if fetched := snapshot.manifest(root, country, at) is None:
        heard = Listener(at=functools.partial(progress, f"Fetching {country.code}"))
        done = fetch(settings, {country: [at]}, progress=heard)
        failed = [f"{one.fetcher}: {one.error}" for one in done if one.error]
        if failed:
            raise CerebroError(f"The snapshot of {country.code} at {calendar.label(at, country)} failed: {failed[0]}")
    made = snapshot.manifest(root, country, at)
    stamp = made.stamp if made else Stamp()
    tables = snapshot.Snapshots(settings, country, complete_to=stamp.complete_to).read(at)
    try:
        everyone = subjects.of_snapshot(tables, at, dict.fromkeys(tables, at), settings.stale_after_s)
        yield BatchSide(country, at, stamp, everyone)
    finally:
        if fetched and RowStore(client).clock(country.code).mode == "wall":
            snapshot.drop(root, country, at)

"""Where a comparison stands: at which instant, on which snapshot, and whether rows and lake stand at one place."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from scv.errors import CerebroError, UserError
from scv.events import calendar
from scv.events.country import Country
from scv.offline import snapshot
from scv.offline.fetch import fetch
from scv.offline.lake import Lake
from scv.online.rowstore import RowStore
from scv.settings import Settings

PATIENCE_S = 2.0
"""How long rows and lake may both stand still apart before they are compared as they are."""
LONGEST_S = 20.0
"""How long to wait at all: where events never cease they may never stand together."""
POLL_S = 0.1


def check_clock(client: Any, country: Country, at: datetime) -> None:
    """Raise UserError unless the country's clock stands at `at`; on wall time: came by it on this local day."""
    clock = RowStore(client).clock(country.code)
    now = clock.now
    if now == at:
        return
    advice = "Replay with --until, or compare at the clock: leave out -d."
    if clock.mode == "wall" and now is not None:
        if at <= now and at.astimezone(country.zone).date() == now.astimezone(country.zone).date():
            return
        advice = "It lives on wall time: leave out -d."
    raise UserError(f"{country.code} stands at {now}, not at {at}: a row cannot answer for another instant. {advice}")


def wait(settings: Settings, client: Any, say: Callable[[str], None]) -> None:
    """Until rows and lake stand at one place; says so where they do not and nothing moves any more."""
    from store.flush import request_flush
    from streams.positions.position import positions

    store, lake = RowStore(client), Lake(settings.lake_path)
    logs, epoch = store.logs(), lake.epoch()
    if epoch is None or any(epoch.topics.get(topic) != log.topic_id for topic, log in logs.items()):
        say("Rows and lake are not of one log: no barrier. Run `cerebro rebuild`.")
        return
    request_flush(client)
    begun = moved = time.monotonic()
    before = None
    while True:
        stands = positions(store, lake, logs)
        if stands.together:
            return
        if stands != before:
            moved, before = time.monotonic(), stands
        now = time.monotonic()
        if now - moved > PATIENCE_S or now - begun > LONGEST_S:
            break
        time.sleep(POLL_S)
    behind, ahead = stands.behind(stands.lake)["online"], stands.behind(stands.online)["lake"]
    apart = sum(stands.online[part] != offset for part, offset in stands.lake.items())
    say(f"No barrier: rows are {behind:,} records behind the lake and {ahead:,} ahead in {apart} partitions.")


def take_snapshot(settings: Settings, country: Country, at: datetime, progress: Callable[[int, int], None]) -> bool:
    """Fetch the batch side if there is none of that reference at all; was it fetched?

    One of an older definition stays: what differs then says so. `progress` hears (fetchers done, of all).
    """
    if snapshot.manifest_path(settings.snapshots_path, country, at).exists():
        return False
    done = fetch(settings, {country: [at]}, progress=progress)
    failed = [f"{one.job.fetcher}: {one.error}" for one in done if one.error]
    if failed:
        raise CerebroError(f"The snapshot of {country.code} at {calendar.label(at, country)} failed: {failed[0]}")
    return True


def drop_snapshot(settings: Settings, country: Country, at: datetime) -> None:
    """Remove one that was taken for a comparison on wall time: nobody asks for that instant again."""
    snapshot.drop(settings.snapshots_path, country, at)

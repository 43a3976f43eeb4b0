"""Whether the lake holds what was sent: a table of half of it looks like any other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from scv.errors import CerebroError, Unreachable
from scv.events.country import Country
from scv.events.event import FAMILIES
from scv.offline.lake import Lake
from scv.settings import Settings, told
from scv.talk import say as talk

PATIENCE_S = 10.0
"""For so long a lake consumer may take to a commit before it counts as standing still."""
PAUSE_S = 0.25


def refuse_half(
    settings: Settings,
    wanted: Mapping[Country, Sequence[datetime]],
    starting: Callable[[], bool],
    say: Callable[[str], None] = talk,
) -> None:
    """Raise CerebroError where the lake is behind the log, and may lack what was seen before one of the references.

    Not for those up to which it is known complete. A lake consumer at work, or `starting`, is waited for while it
    moves. Where the broker does not answer nothing can be compared; that is said if anybody named one.
    """
    lake = Lake(settings.lake_path)
    if not told(settings, "broker") or all(_complete(lake, country, at) for country, at in wanted.items()):
        return
    from streams.kafka import librdkafka
    from streams.positions.position import logged

    try:
        if not librdkafka.answers(settings):
            raise Unreachable(f"no broker answers at {settings.broker}")
        log = logged(settings)
    except Unreachable as error:
        say(f"Whether the lake holds all that was sent is not known: {str(error).rstrip('.')}.")
        return
    missing, moved_at = log.missing_in(lake), time.monotonic()
    while missing and time.monotonic() - moved_at < PATIENCE_S and (starting() or _at_work(settings)):
        time.sleep(PAUSE_S)
        before, missing = missing, log.missing_in(lake)
        if missing != before:
            moved_at = time.monotonic()
    if missing:
        raise CerebroError(
            f"The lake is {missing:,} offsets behind the log: a table of now would lack what they hold. "
            "`cerebro consume lake` takes them in, `cerebro health lake` says how far it is. To take what there is: "
            "--anyway."
        )


def _complete(lake: Lake, country: Country, references: Sequence[datetime]) -> bool:
    known = lake.complete_to(country.code, lake.version())
    return known.keys() == FAMILIES.keys() and min(known.values()) >= max(references)


def _at_work(settings: Settings) -> bool:
    """Does a lake consumer give a sign of life?"""
    from store.client import UNWELL, client
    from store.heartbeat import members

    try:
        with client(settings) as store:
            return bool(members(store, "lake"))
    except UNWELL:
        return False

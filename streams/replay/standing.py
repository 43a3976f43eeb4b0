"""Where a replay that ended, however it ended, may go on without leaving anything out."""

from __future__ import annotations

from datetime import datetime

from scv.events import calendar
from scv.online.rowstore import RowStore
from streams.kafka.log import parts


def standing(store: RowStore, country: str) -> datetime | None:
    """Everything of a country that was seen before this instant has been applied, from every partition.

    That is the oldest of the partitions' watermarks, and not the clock: what a killed sender left in one partition
    may be newer than what never reached another. None where the replay has not begun, or a partition knows nothing.
    """
    positions = store.positions(parts(store.logs()))
    marks = [position.watermarks.get(country) for position in positions]
    known = [us for us in marks if us is not None]
    whole = known and len(known) == len(marks) and store.clock(country).mode == "replay"
    return calendar.from_us(min(known)) if whole else None

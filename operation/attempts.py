"""Trainings that failed again and again: each rests longer before it is tried once more.

What stops one (a leak, a history too short) seldom goes away within a quarter of an hour, and each try takes minutes of
all cores. A week's file never rests: to make it costs little, and it waits for a log that may catch up any minute.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import msgspec

from operation.due import Due
from scv import atomic
from scv.events import clock
from scv.events.calendar import from_us
from scv.settings import Settings

SECOND_REST_S, LONGEST_REST_S = 1_500, 14_100
"""Five minutes less than half an hour and four hours: a turn a few seconds early is one all the same. The first failure
has none: the next turn tries again.
"""


class Attempts(msgspec.Struct, frozen=True, kw_only=True):
    """How often the training as of a Monday (`date`) failed in a row, the last time at `last_us`."""

    date: date
    times: int
    last_us: int

    @property
    def rests_until(self) -> datetime:
        """Not before then is it tried again."""
        rest_s = min(SECOND_REST_S * 2 ** (self.times - 2), LONGEST_REST_S) if self.times > 1 else 0
        return from_us(self.last_us + int(rest_s * 1e6))


def resting(settings: Settings, slot: Due) -> Attempts | None:
    """What came of a slot's training before, where it is to rest now; None where it may be tried."""
    known = _known(settings, slot)
    return known if known and from_us(clock.wall_us()) < known.rests_until else None


def note(settings: Settings, slot: Due, failed: bool) -> None:
    """Remember what came of a slot. Raises NoRoom and BadPlace."""
    if slot.work != "train":
        return
    if not failed:
        _path(settings, slot).unlink(missing_ok=True)
        return
    known = _known(settings, slot)
    made = Attempts(date=slot.date, times=known.times + 1 if known else 1, last_us=clock.wall_us())
    atomic.write(_path(settings, slot), msgspec.json.encode(made))


def _known(settings: Settings, slot: Due) -> Attempts | None:
    """Of this very Monday; a file that cannot be read is of none."""
    if slot.work != "train":
        return None
    try:
        known = msgspec.json.decode(_path(settings, slot).read_bytes(), type=Attempts)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return known if known.date == slot.date else None


def _path(settings: Settings, slot: Due) -> Path:
    return settings.home_path / "due" / f"{slot.country}.failed.json"

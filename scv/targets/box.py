"""The weekly box: which one is open, and until when it can be changed.

A subscriber has one box a week, on a weekday of their own (0 is Monday). Its **cut-off** is the local midnight that
begins the day `cut_off_days` of the country before the delivery. The **open box** at an instant is the first whose
cut-off lies after it: the delivery of that weekday in the open week (`scv.folds.fold.OPEN_WEEK`).
"""

from __future__ import annotations

from datetime import datetime

from scv.events.calendar import Days, day_of, first_of, midnight, to_date, to_us
from scv.events.country import Country
from scv.folds.fold import OPEN_WEEK

LONGEST_DAYS = 7
"""No open box's cut-off is further ahead."""


def open_box(day: Days, weekday: Days, cut_off_days: int) -> Days:
    """The delivery day of the open box at any instant of a local day; both numbers, or both int64[n].

    >>> from scv.events.calendar import to_day
    >>> from datetime import date
    >>> tuesday = to_day(date(2017, 9, 5))
    >>> [to_date(open_box(tuesday, weekday, 5)).strftime("%a %d") for weekday in range(7)]
    ['Mon 11', 'Tue 12', 'Wed 13', 'Thu 14', 'Fri 15', 'Sat 16', 'Sun 17']

    The box of Sunday 10 closed when Tuesday began:

    >>> to_date(open_box(tuesday - 1, 6, 5)).strftime("%a %d")
    'Sun 10'
    """
    return first_of(weekday, day - OPEN_WEEK.after(cut_off_days).start)


def cut_off(box: int, country: Country) -> datetime:
    """The instant from which on the box of a delivery day cannot be changed, in UTC.

    >>> from scv.events import country
    >>> from scv.events.calendar import to_day
    >>> from datetime import date
    >>> cut_off(to_day(date(2017, 9, 11)), country.load("ZZ")).isoformat()
    '2017-09-05T22:00:00+00:00'
    """
    return midnight(to_date(box - country.cut_off_days), country.zone)


def open_at(at: datetime, weekday: int, country: Country) -> int:
    """The delivery day of the box that is open at an instant, for a weekday."""
    return open_box(day_of(to_us(at), country.zone), weekday, country.cut_off_days)

"""Instants and days as people write them: day or month first, with or without an offset, as epoch numbers.

Which of two numbers is the day is told by the whole column where one of its values fits only one order, and asked for
otherwise. A local time that a clock change skips or repeats is read with the offset from before the change (RFC 5545).
A day without a time is its noon. What events may say (`scv.events.instant`) is read as it is there.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import NamedTuple

from scv.events import instant
from scv.events.calendar import EPOCH, day_of, to_date, to_us
from streams.tables.cells import BadCell

ORDERS = ("day first", "month first")
NOON = timedelta(hours=12)
_LONG = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_MONTHS = {name[:3]: n for n, name in enumerate(_LONG, start=1)}
_TIME = (
    r"(?:(?:[Tt]|,?\s+)(?P<h>\d{1,2}):(?P<mi>\d\d)(?::(?P<s>\d\d)(?:[.,](?P<f>\d+))?)?(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
    r"(?:\s*(?P<zone>[Zz]|UTC|GMT|(?:GMT|UTC)?[+-]\d\d(?::?\d\d)?))?(?:\s*\[[\w/+-]+\]|\s*\([\w ]+\))?)?"
)
_FORMS = tuple(
    re.compile(form + _TIME)
    for form in (
        r"(?P<y>\d{4})(?P<sep>[-/.]?)(?P<m>\d\d)(?P=sep)(?P<d>\d\d)",
        r"(?P<y>\d{4})(?P<sep>[-/.])(?P<m>\d{1,2})(?P=sep)(?P<d>\d{1,2})",
        r"(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<y>\d{4}|\d\d)",
        r"(?:[A-Za-z]{3,9}\.?,?\s+)?(?P<d>\d{1,2})[\s-](?P<name>[A-Za-z]{3,9})\.?,?[\s-](?P<y>\d{4}|\d\d)",
        r"(?:[A-Za-z]{3,9}\.?,?\s+)?(?P<name>[A-Za-z]{3,9})\.?\s+(?P<d>\d{1,2}),?\s+(?P<y>\d{4})",
    )
)
_EPOCH = re.compile(r"\d{9,19}(\.\d+)?")
_UNITS = (1, 10**3, 10**6, 10**9)
_FIRST_S, _LAST_S = 10**8, 5 * 10**9
"""Between 1973 and 2128 an epoch in seconds, milliseconds, microseconds and nanoseconds can be told apart."""


class Moment(NamedTuple):
    """What a cell says: a local time, its offset if it has one, and whether it names no more than a day."""

    local: datetime
    offset: tzinfo | None
    day: bool


def moments(value: object) -> dict[str, Moment]:
    """Order → what the cell says if day and month come in that order; nothing for what is no time.

    >>> sorted(moments("13/06/2017")), sorted(moments("05/06/2017"))
    (['day first'], ['day first', 'month first'])
    >>> moments("1496305200000")["day first"].local
    datetime.datetime(2017, 6, 1, 8, 20)
    """
    if isinstance(value, datetime):
        return _both(Moment(value.replace(tzinfo=None), value.tzinfo, False))
    if isinstance(value, date):
        return _both(Moment(datetime.combine(value, time()), None, True))
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        value = f"{Decimal(repr(value) if isinstance(value, float) else value):f}".removesuffix(".0")
    return _moments(value.strip()) if isinstance(value, str) else {}


@functools.lru_cache(65_536)
def _moments(said: str) -> dict[str, Moment]:
    if _EPOCH.fullmatch(said):
        at = _epoch(Decimal(said))
        return {} if at is None else _both(Moment(at, UTC, False))
    try:
        event = instant.parse(said)
        return _both(Moment(event.replace(tzinfo=None), event.tzinfo, False))
    except ValueError:
        pass  # not as events say it: as people do
    for form in _FORMS:
        if found := form.fullmatch(said):
            return {order: moment for order in ORDERS if (moment := _moment(found, order)) is not None}
    return {}


def _both(moment: Moment) -> dict[str, Moment]:
    return dict.fromkeys(ORDERS, moment)


def _epoch(count: Decimal) -> datetime | None:
    for unit in _UNITS:
        if _FIRST_S * unit <= count < _LAST_S * unit:
            us = (count * 1_000_000 / unit + Decimal("0.5")) // 1
            return EPOCH.replace(tzinfo=None) + timedelta(microseconds=int(us))
    return None


def _moment(found: re.Match[str], order: str) -> Moment | None:
    said = found.groupdict()
    year = int(said["y"])
    if len(said["y"]) == 2:
        year += 1900 if year > 68 else 2000  # as POSIX reads them
    month, day = _month_and_day(said, order)
    hour = int(said["h"] or 0)
    if said["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if said["half"] in "Pp" else 0)
    below = int((said["f"] or "").ljust(7, "0")[:7])
    try:
        at = time(hour, int(said["mi"] or 0), int(said["s"] or 0))
        local = datetime.combine(date(year, month, day), at)
        local += timedelta(microseconds=(below + 5) // 10)
        return Moment(local, _offset(said["zone"]), said["h"] is None)
    except (ValueError, OverflowError):
        return None


def _month_and_day(said: dict[str, str], order: str) -> tuple[int, int]:
    if said.get("name"):
        name = said["name"].lower()
        known = name in _LONG or name in _MONTHS or name == "sept"
        return (_MONTHS[name[:3]] if known else 0), int(said["d"])
    if "a" in said:
        first, second = int(said["a"]), int(said["b"])
        return (second, first) if order == ORDERS[0] else (first, second)
    return int(said["m"]), int(said["d"])


def _offset(said: str | None) -> timezone | None:
    if said is None:
        return None
    digits = re.sub(r"[^\d]", "", said)
    minutes = int(digits[:2] or 0) * 60 + int(digits[2:] or 0)
    return timezone(timedelta(minutes=-minutes if "-" in said else minutes))


def instant_us(moment: Moment, zone: tzinfo, days: bool) -> int:
    """Microseconds since 1970; `zone` is that of times without offset, `days` says that midnight means a day.

    >>> from zoneinfo import ZoneInfo
    >>> london = ZoneInfo("Europe/London")
    >>> read = lambda said: instant_us(moments(said)["day first"], london, False)
    >>> [(read(said) - read("2017-10-29T00:00Z")) / 3.6e9 for said in ("2017-10-29 01:30", "2017-10-29 02:30")]
    [0.5, 2.5]
    >>> [(read(said) - read("2017-03-26T00:00Z")) / 3.6e9 for said in ("2017-03-26 01:30", "2017-03-26 02:30")]
    [1.5, 1.5]
    """
    local = moment.local + NOON if days or moment.day else moment.local
    return to_us(local.replace(tzinfo=moment.offset or zone, fold=0))


def local_day(moment: Moment, zone: tzinfo, days: bool, place: tzinfo) -> date:
    """The day that a cell names; of an instant, read as `instant_us` does, the one that it has at a place."""
    if days or moment.day:
        return moment.local.date()
    return to_date(day_of(instant_us(moment, zone, days), place))


def moment(value: object, order: str | None) -> Moment:
    """A cell as a time. `order` is that of its numbers, None where no value needs one. Raises BadCell."""
    said = moments(value)
    if order is None and len(set(said.values())) == 1:
        return next(iter(said.values()))
    if order is None or order not in said:
        raise BadCell("no time" if not said or order is None else f"no time with dates = {order!r}", value)
    return said[order]

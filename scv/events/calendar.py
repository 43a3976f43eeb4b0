"""Local days and instants.

Instants are aware UTC or whole microseconds since 1970 (`…_us`); days are whole local days since
1970-01-01 (`day`). Intervals are half-open `[start, end)`. The window of N days at `at` is
`[local midnight N days before at's day, at)`: whole days at the tail, exact at the head.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TypeVar

import numpy as np

from scv.errors import BadReference
from scv.events.country import Country
from scv.events.instant import LOCAL, parse

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY = date(1970, 1, 1).toordinal()
MICROSECOND = timedelta(microseconds=1)
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
Days = TypeVar("Days", int, np.ndarray)
"""One local day (or number of days), or int64[n] of them."""
TUESDAY = 1


def to_us(instant: datetime) -> int:
    """Microseconds since 1970 of an aware instant.

    >>> to_us(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    return (instant - EPOCH) // MICROSECOND


def from_us(us: int) -> datetime:
    """The aware UTC instant of so many microseconds since 1970."""
    return EPOCH + timedelta(microseconds=us)


def written(us: int) -> str:
    """An instant in a sentence, also one of a year that the calendar does not have.

    >>> written(0), written(1_494_323_716_000_000_000)
    ('1970-01-01T00:00:00+00:00', 'after the year 9999')
    """
    try:
        return from_us(us).isoformat()
    except OverflowError:
        return "after the year 9999" if us > 0 else "before the year 1"


def day_of(us: int, zone: tzinfo) -> int:
    """The local day in which an instant lies; in the calendar's last hours, which not every zone has, the UTC day.

    >>> from zoneinfo import ZoneInfo
    >>> to_date(day_of(to_us(datetime(2017, 1, 1, 3, tzinfo=UTC)), ZoneInfo("America/New_York"))).isoformat()
    '2016-12-31'
    """
    instant = EPOCH + timedelta(microseconds=us)
    try:
        return instant.astimezone(zone).toordinal() - EPOCH_DAY
    except OverflowError:
        return instant.toordinal() - EPOCH_DAY


def to_date(day: int) -> date:
    return date.fromordinal(day + EPOCH_DAY)


def to_day(value: date) -> int:
    return value.toordinal() - EPOCH_DAY


def first_of(weekday: Days, day: Days) -> Days:
    """The first day of a weekday (0 is Monday) from a local day on.

    >>> [to_date(first_of(weekday, to_day(date(2017, 9, 5)))).day for weekday in range(7)]
    [11, 5, 6, 7, 8, 9, 10]
    """
    return day + (weekday - day - 3) % 7  # 1970-01-01 was a Thursday


def midnight(value: date, zone: tzinfo) -> datetime:
    """The instant at which a local day starts, in UTC; the first one where the clock skips midnight."""
    local = datetime(value.year, value.month, value.day, tzinfo=zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).date() < value:  # midnight does not exist: the day starts after the gap
        instant = local.replace(fold=1).astimezone(UTC)
    return instant


def add_days(at: datetime, days: int, zone: tzinfo) -> datetime:
    """The same local time so many local days later (or earlier), in UTC."""
    local = at.astimezone(zone)
    moved = local.replace(tzinfo=None) + timedelta(days=days)
    return moved.replace(tzinfo=zone, fold=local.fold).astimezone(UTC)


def reference(text: str, country: Country) -> datetime:
    """The instant a command line means: `2017-09-05` is local midnight starting that day.

    An instant with an offset is taken as it is, in the grammar of `scv.events.instant`. Raises BadReference.
    """
    try:
        if len(text) == 10:
            return midnight(date.fromisoformat(text), country.zone)
        return parse(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        if LOCAL.fullmatch(text):
            advice = f"Write {text}+00:00 for UTC, or a bare date for local midnight."
            raise BadReference(f"{text!r} has no offset. {advice}") from error
        hint = _nearest_date(text)
        raise BadReference(
            f"{text!r} is no date ({error}).{hint} Write 2017-09-05, or 2017-09-05T10:00:00+02:00."
        ) from error


def _nearest_date(text: str) -> str:
    """' Did you mean …?' for a date with its parts in another order: whether day or month comes first, nobody knows.

    >>> _nearest_date("01/11/2016"), _nearest_date("31.12.2016"), _nearest_date("2016/11/1")
    (" Did you mean '2016-01-11' or '2016-11-01'?", " Did you mean '2016-12-31'?", " Did you mean '2016-11-01'?")
    """
    parts = [int(part) for part in re.findall(r"\d+", text)[:3]]
    if len(parts) < 3:
        return ""
    first, second, third = parts
    # Whoever writes the year first goes on with the month.
    orders = [(first, second, third)] if first > 31 else [(third, first, second), (third, second, first)]
    near = dict.fromkeys(date(*order).isoformat() for order in orders if _exists(*order))
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def _exists(year: int, month: int, day: int) -> bool:
    return 1900 <= year <= 9999 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]


def label(at: datetime, country: Country) -> str:
    """How a reference is written in names: its local date at midnight, otherwise its UTC instant."""
    local = at.astimezone(country.zone)
    if midnight(local.date(), country.zone) == at:
        return local.date().isoformat()
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H%M%S.%fZ")


def of_label(text: str, country: Country) -> datetime | None:
    """The reference that is written as this label; None for any other text.

    >>> from scv.events import country
    >>> of_label("2017-09-05", country.load("US")).isoformat(), of_label("latest.json", country.load("US"))
    ('2017-09-05T04:00:00+00:00', None)
    """
    try:
        if len(text) == 10:
            at = midnight(date.fromisoformat(text), country.zone)
        else:
            at = datetime.strptime(text, "%Y-%m-%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return at if label(at, country) == text else None


def last_tuesday(at: datetime, zone: tzinfo) -> datetime:
    """Local midnight of the newest Tuesday that has begun at an instant, in UTC.

    >>> from zoneinfo import ZoneInfo
    >>> last_tuesday(datetime(2017, 9, 5, 3, tzinfo=UTC), ZoneInfo("America/New_York")).isoformat()
    '2017-08-29T04:00:00+00:00'
    """
    today = at.astimezone(zone).date()
    return midnight(today - timedelta(days=(today.weekday() - TUESDAY) % 7), zone)


def next_tuesday(at: datetime, zone: tzinfo) -> datetime:
    """Local midnight of the first Tuesday that begins at an instant or after it, in UTC.

    >>> from zoneinfo import ZoneInfo
    >>> next_tuesday(datetime(2017, 9, 5, 4, tzinfo=UTC), ZoneInfo("America/New_York")).isoformat()
    '2017-09-05T04:00:00+00:00'
    >>> next_tuesday(datetime(2017, 9, 5, 5, tzinfo=UTC), ZoneInfo("America/New_York")).isoformat()
    '2017-09-12T04:00:00+00:00'
    """
    newest = last_tuesday(at, zone)
    return newest if newest == at else midnight(newest.astimezone(zone).date() + timedelta(days=7), zone)


def tuesdays(first: date, last: date) -> Iterator[date]:
    """Every Tuesday in `[first, last]`.

    >>> [str(day) for day in tuesdays(date(2017, 9, 5), date(2017, 9, 13))]
    ['2017-09-05', '2017-09-12']
    """
    day = first + timedelta(days=(TUESDAY - first.weekday()) % 7)
    while day <= last:
        yield day
        day += timedelta(days=7)

"""One record of a topic, decoded and validated: what consumers, the lake and rows have in common."""

from __future__ import annotations

import functools
import hashlib
import itertools
import re
import zlib
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal, NamedTuple

import msgspec

from scv.errors import BadEvent
from scv.events import customer_id
from scv.events import event as events
from scv.events.bound import bounds
from scv.events.calendar import DAY_US, day_of, from_us, midnight, to_date, to_day, to_us
from scv.events.country import Country
from scv.events.record import read

MAX_BYTES = 1_000_000
SKEW_US = 5 * 60 * 1_000_000
_packed = msgspec.msgpack.Encoder().encode
HISTORY_YEARS = 10
"""From the first of January so many years before a country's `starts_on`: what happened earlier is a mistake."""
CONTENT_BITS = 16
"""Of the 64 bits that a row keeps of an event; the others are its identity."""

Reason = Literal[
    "too large", "empty", "not JSON", "wrong type", "no key", "key differs", "unknown country",
    "outside span", "out of bounds", "occurred after seen", "ahead of its record", "wrong partition",
]  # fmt: skip
"""Why a record is a dead letter; the label of its counter."""


class Recorded(NamedTuple):
    """What the log says of a record beside its bytes.

    `us`: when it was recorded (0: nobody knows); `by_broker`: that is its broker's word, not its sender's; `replayed`:
    it tells of a history; `tick_us`: the newest tick that lies before it in its partition (0: none).
    """

    us: int
    by_broker: bool = False
    replayed: bool = True
    tick_us: int = 0

    def is_live(self, country: Country) -> bool:
        """Does it tell of now: no history, and of a country whose span holds the instant at which it was recorded?"""
        if self.replayed:
            return False
        _, first, last = _reach_us(country)
        return first <= self.us < last


class Reached(NamedTuple):
    """A watermark as consumers take it: what was seen in a country before `us` lies before it in its partition."""

    country: str
    us: int
    is_tick: bool = False


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A valid event as it was delivered, in the units that folds use.

    `occurred_us` is never after `seen_us` (a skew of up to five minutes is clamped); `claimed_us` and `claimed_seen_us`
    are what the sender wrote; the first belongs to the identity, the second (None: nothing) is not read back from the
    lake. `day` and `seen_day` are local days. `values` holds the payload: whole numbers, words, dates as
    days, truth as 0 or 1, None if absent.
    """

    country: str
    customer_id: str
    kind: str
    id: str
    occurred_us: int
    claimed_us: int
    seen_us: int
    day: int
    seen_day: int
    values: dict[str, Any]
    identity: int
    content: int
    claimed_seen_us: int | None = None


def identify(id: str, claimed_us: int) -> int:
    """48 bits that two arrivals share exactly when they are the same event."""
    return hash64(f"{id}\x1f{claimed_us}") >> CONTENT_BITS


def content_of(kind: str, values: Mapping[str, Any]) -> int:
    """16 bits that two arrivals of one content share: kind and payload, whatever fields others of the family have.

    Two contents share them once in 65,536 times. It fills a row's 64 bits per event, and decides nothing but how a
    consumer counts what it refuses anyway; the lake compares the content itself.
    """
    begun, names = _kinds()[kind]
    return zlib.crc32(_packed([values[name] for name in names]), begun) & (1 << CONTENT_BITS) - 1


@functools.cache
def _kinds() -> dict[str, tuple[int, list[str]]]:
    """Kind → a number of its own, and its payload fields."""
    known: list[type[events.Event]] = [events.Erased, *itertools.chain.from_iterable(events.FAMILIES.values())]
    return {events.tag(kind): (zlib.crc32(events.tag(kind).encode()), list(events.payload(kind))) for kind in known}


def hash64(text: str) -> int:
    """DuckDB's `md5_number_lower(text)`: stable across versions and machines.

    >>> hash64("abc")
    8250560606382298838
    """
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[8:16], "little")


def normal(value: Any) -> Any:
    """A payload value as folds keep it: dates as days, truth as 0 or 1."""
    if isinstance(value, bool):
        return int(value)
    return to_day(value) if isinstance(value, date) else value


def decode(
    family: str, key: bytes | None, value: bytes | None, countries: Mapping[str, Country], recorded: Recorded
) -> Arrival | Reached:
    """One record of a family's topic. Raises BadEvent with the reason for the dead-letter topic.

    What clocks rise by is bounded by the record's own time and by the country's span, and by nothing else: every
    consumer, and a second reading, says the same.
    """
    if value is None or not value:
        raise BadEvent("empty", f"a record of family {family} has no body")
    if len(value) > MAX_BYTES:
        raise BadEvent("too large", f"{len(value)} bytes; the limit is {MAX_BYTES}")
    try:
        record = read(family, value)
    except msgspec.ValidationError as error:
        raise BadEvent("wrong type", worded(family, str(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise BadEvent("not JSON", str(error)) from error
    country = countries.get(record.country)
    if country is None:
        raise unknown_country(record.country)
    if not key:
        raise BadEvent("no key", "the record's key must be country:customer_id")
    if key != events.key_of(record):
        raise BadEvent("key differs", "the record's key is not the body's country:customer_id")
    seen = _seen_us(record, country, recorded)
    if isinstance(record, events.Watermark):
        return Reached(country.code, seen, recorded.is_live(country))
    return arrival_of(record, country, seen)


def _seen_us(record: events.Event | events.Watermark, country: Country, recorded: Recorded) -> int:
    """When it could first be known: of a live record its broker's word counts, whatever its sender says, and nothing
    before the tick. A live watermark is a tick. Raises BadEvent for one that is ahead of its record.
    """
    live = recorded.is_live(country)
    if live and (recorded.by_broker or record.seen_at is None or isinstance(record, events.Watermark)):
        return max(recorded.us, recorded.tick_us)
    seen = _claimed_seen_us(record, country)
    if seen > recorded.us + SKEW_US:
        written = from_us(recorded.us)
        raise BadEvent("ahead of its record", f"seen_at {record.seen_at} is over 5 minutes after its record, {written}")
    return max(seen, recorded.tick_us) if live else seen


def unknown_country(code: str) -> BadEvent:
    """What is wrong with a record of a country that has no file."""
    then = 'write it, then run `cerebro dead-letters send --reason "unknown country"`'
    return BadEvent("unknown country", f"no country file for {code!r}: {then}")


def _claimed_seen_us(record: events.Event | events.Watermark, country: Country) -> int:
    """Its `seen_at`. Raises BadEvent without one, or outside the country's span; a watermark may stand at its end."""
    if record.seen_at is None:
        raise BadEvent("wrong type", "Object missing required field `seen_at`: only a live record is seen as it comes")
    (_, first, last), seen = _reach_us(country), to_us(record.seen_at)
    if not first <= seen < last + isinstance(record, events.Watermark):
        span = f"{country.starts_on}..{country.ends_on}"
        raise BadEvent("outside span", f"seen_at {record.seen_at} lies outside {span}")
    return seen


def arrival_of(record: events.Event, country: Country, seen_us: int | None = None) -> Arrival:
    """An event of a country as folds see it, seen when the log says (None: when it says itself).

    Raises BadEvent for times that cannot be.
    """
    reach, claimed = _reach_us(country), to_us(record.occurred_at)
    seen = _claimed_seen_us(record, country) if seen_us is None else seen_us
    if claimed > seen + SKEW_US:
        raise BadEvent("occurred after seen", f"occurred_at {record.occurred_at} is after seen_at {from_us(seen)}")
    occurred = min(claimed, seen)
    if occurred < reach[0]:
        why = f"lies before {_oldest_on(country)}: {HISTORY_YEARS} years before starts_on of {country.code}"
        raise BadEvent("outside span", f"occurred_at {record.occurred_at} {why}")
    day = day_of(occurred, country.zone)
    for name, bound in bounds(type(record)).items():
        value = getattr(record, name)
        if value is not None and not bound.holds(value, to_date(day)):
            raise BadEvent("out of bounds", f"{name} must lie {bound.said()} - at `$.{name}`")
    kind = events.tag(type(record))
    values = {field: normal(getattr(record, field)) for field in events.payload(type(record))}
    return Arrival(
        country=record.country,
        customer_id=record.customer_id,
        kind=kind,
        id=record.id,
        occurred_us=occurred,
        claimed_us=claimed,
        seen_us=seen,
        day=day,
        seen_day=day if seen == occurred else day_of(seen, country.zone),
        values=values,
        identity=identify(record.id, claimed),
        content=content_of(kind, values),
        claimed_seen_us=None if record.seen_at is None else to_us(record.seen_at),
    )


def worded(family: str, said: str) -> str:
    """What msgspec says of a field (`Expected … - at `$.name``), in our words."""
    said = _PATTERN.sub(lambda found: _SPELLING.get(found[1], "without control characters"), said)
    said = _WORD.sub(lambda found: f"{found[1]!r} is none of {', '.join(_words(family, found[2]))}", said)
    return _BELOW.sub(rf"\g<0> {_GIVEN_BACK}", said)


def _words(family: str, field: str) -> list[str]:
    return sorted({word for kind in events.kinds(family) for word in events.words(kind).get(field, ())})


_WORD = re.compile(r"Invalid enum value '(.*)'(?= - at `\$\.(\w+))", re.DOTALL)
_PATTERN = re.compile(r"matching regex '.*'(?= - at `\$\.(\w+))")
_BELOW = re.compile(r"Expected `int` >= 0(?= - at `\$\.amount_cents`)")
_GIVEN_BACK = "(what is given back is told above zero, by `returned`, `refunded` or `order_cancelled`)"
_SPELLING = {
    "customer_id": customer_id.RULE,
    "country": "of two capital letters",
}


def oldest_us(country: Country) -> int:
    """Nothing that counts occurred before: whoever says so has a clock without a date, or the wrong year."""
    return _reach_us(country)[0]


def span_us(country: Country) -> tuple[int, int]:
    """The local midnights that begin `starts_on` and `ends_on`: `seen_at` lies in `[first, last)`."""
    return _reach_us(country)[1:]


@functools.cache
def _reach_us(country: Country) -> tuple[int, int, int]:
    oldest, first, last = (
        to_us(midnight(day, country.zone)) for day in (_oldest_on(country), country.starts_on, country.ends_on)
    )
    return max(DAY_US, oldest), first, last  # in every zone the local day is one since 1970


def _oldest_on(country: Country) -> date:
    return date(max(1970, country.starts_on.year - HISTORY_YEARS), 1, 1)

"""Small dirty worlds: one family's log of a few customers with everything that goes wrong in real ones.

Late within and beyond L, duplicates under new offsets, one id with other content or another time, several events of
one instant, clocks that run ahead, shuffles, several partitions and epochs, erasures, and instants at midnights, clock
changes, ends of months, ISO weeks and years, and 29 February. The same seed gives the same world.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from scv.events import event as events
from scv.events.bound import Bound, Days, bounds
from scv.events.country import Country
from scv.events.event import Event

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = date(2016, 1, 20), date(2017, 5, 10)
ENDS = ("2016-02-29", "2016-03-01", "2016-08-01", "2016-09-12", "2016-12-31", "2017-01-01", "2017-01-02", "2017-03-01")
TURNS = tuple(date.fromisoformat(day) for day in ENDS)
"""The last and first days of months, ISO weeks and years, and 29 February."""
TURNING = datetime(TURNS[0].year, TURNS[0].month, TURNS[0].day, tzinfo=UTC) - timedelta(days=1)
"""In no time zone later than any of them."""
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=n) for n in (1, 60, 3600, 86_400))
TICK = timedelta(microseconds=1)
ORDERED = (6, 3, 3, 2, 2, 2)
"""How often each kind of the orders is met: questions are about orders, and populations want many of them."""
WORDS = ("a", "b", "Ünï", "zz")
SUBSCRIPTIONS = ((None,), (None, "a"), (None, "a", "Ünï", "zz"))
"""What customers of one, two or more subscriptions call them."""


def seen(event: Event) -> datetime:
    """When it was seen: every event of a world says it."""
    assert event.seen_at is not None
    return event.seen_at


@cache
def family_of(kind: str) -> str:
    """The family that a (not shared) kind belongs to."""
    return next(family for family, own in events.FAMILIES.items() if kind in map(events.tag, own))


@dataclass(frozen=True)
class LoggedEvent:
    """One arrival and where it stands in the log."""

    epoch: int
    partition: int
    offset: int
    event: Event


@dataclass(frozen=True)
class DirtyWorld:
    """A country and one family's log, in order of (epoch, partition, offset)."""

    country: Country
    family: str
    records: Sequence[LoggedEvent]

    @property
    def log(self) -> list[Event]:
        return [record.event for record in self.records]

    @property
    def delivered(self) -> list[LoggedEvent]:
        """The records in an order in which a consumer of all partitions may get them: by epoch and offset."""
        return sorted(self.records, key=lambda record: (record.epoch, record.offset))

    @property
    def customers(self) -> list[str]:
        return sorted({record.event.customer_id for record in self.records})


def country(time_zone: str, lateness_days: int = 35, **settings: Any) -> Country:
    """An invented country around the worlds' span; `settings` are other fields of a country."""
    return Country(
        code="ZZ", name="Invented", time_zone=time_zone, starts_on=FIRST - 60 * DAY, ends_on=LAST + 40 * DAY,
        lateness_days=lateness_days, **settings,
    )  # fmt: skip


def make(seed: int, family: str, where: Country, customers: int = 6, events_each: int = 45) -> DirtyWorld:
    """A world; customers order from hardly anything to three times `events_each`."""
    rng = random.Random(f"{seed} {family} {where.time_zone} {where.lateness_days}")
    log: list[Event] = []
    for n in range(customers):
        count = max(1, round(events_each * rng.choice((0.05, 0.5, 1, 1, 1.5))))
        clean = [_event(rng, family, where, f"c{n}", i) for i in range(count)]
        log += [dirty for event in clean for dirty in _dirty(rng, event, where, clean)]
        if rng.random() < 0.3:
            log.append(_erasure(rng, where, f"c{n}"))
    log.sort(key=seen)
    return DirtyWorld(where, family, _placed(rng, _shuffled(rng, log)))


@cache
def clock_changes(where: Country) -> tuple[datetime, ...]:
    """The instants at which the country's offset changes within the span."""
    zone, found = ZoneInfo(where.time_zone), []
    at = datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
    while at.date() < LAST:
        if at.astimezone(zone).utcoffset() != (at + HOUR / 2).astimezone(zone).utcoffset():
            found.append(at + HOUR / 2)
        at += HOUR / 2
    return tuple(found)


def local(day: date, where: Country, hour: int = 0) -> datetime:
    """An instant at an hour of a local day, in UTC (a skipped hour: as if the clock had not changed)."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(where.time_zone)).astimezone(UTC)


@cache
def turning_points(where: Country) -> tuple[datetime, ...]:
    """Instants where days, offsets or years change."""
    return (*clock_changes(where), *(local(day, where) for day in TURNS))


@cache
def special_instants(where: Country) -> tuple[datetime, ...]:
    """The half hours around every clock change, the midnights of its day and the next, and the half hours around
    the midnights at which ISO weeks, months and years begin and end and 29 February lies."""
    found = {turn + k * HOUR / 2 for turn in (local(day, where) for day in TURNS) for k in (-1, 0, 1)}
    for change in clock_changes(where):
        found |= {change + k * HOUR / 2 for k in range(-3, 4)}
        found |= {local(change.date(), where), local(change.date() + DAY, where)}
    return tuple(sorted(found))


def references(rng: random.Random, world: DirtyWorld, midnights: int = 12, others: int = 8) -> list[datetime]:
    """Midnights, all special instants, instants at and just after events, and some long after."""
    where = world.country
    found = [*special_instants(where), *(local(FIRST + rng.randrange(480) * DAY, where) for _ in range(midnights))]
    found += [seen(rng.choice(world.records).event) + rng.choice((timedelta(), TICK)) for _ in range(others)]
    found += [local(LAST, where) + rng.randrange(400 * 86_400) * SECOND for _ in range(3)]
    return sorted({at.astimezone(UTC) for at in found})


# -- clean events ------------------------------------------------------------------------------------------------


def _event(rng: random.Random, family: str, where: Country, customer: str, number: int) -> Event:
    own = events.FAMILIES[family]
    kind = rng.choices(own, ORDERED)[0] if family == "orders" else rng.choice(own)
    occurred = _instant(rng, where)
    payload = {name: _payload(rng, name, declared, occurred) for name, declared in _fields(kind)}
    if "subscription_id" in payload:
        payload["subscription_id"] = rng.choice(SUBSCRIPTIONS[int(customer[1:]) % len(SUBSCRIPTIONS)])
    own_luck = random.Random(f"{customer} {number} {occurred}")
    payload |= {name: _near(own_luck, bound, payload[name], occurred) for name, bound in bounds(kind).items()}
    return kind(
        id=f"{rng.choice('eÉz')}{number}", country=where.code, customer_id=customer, occurred_at=occurred,
        seen_at=_seen(rng, occurred, where), **payload,
    )  # fmt: skip


@cache
def _fields(kind: type[Event]) -> list[tuple[str, Any]]:
    """The payload fields of a kind with their declared types."""
    info: Any = msgspec.inspect.type_info(kind)
    return [(field.name, field.type) for field in info.fields if field.name not in events.ENVELOPE]


def _instant(rng: random.Random, where: Country) -> datetime:
    """Anywhere in the span, often within seconds of a midnight or hours of a turning point."""
    roll = rng.random()
    if roll < 0.25:
        return rng.choice(turning_points(where)) + rng.randrange(-4 * 3600, 4 * 3600) * SECOND
    day = FIRST + rng.randrange((LAST - FIRST).days) * DAY
    if roll < 0.4:
        return local(day, where) + rng.choice((-SECOND, -TICK, timedelta(), TICK, SECOND))
    return local(day, where, rng.randrange(24)) + rng.randrange(3600) * SECOND


def _seen(rng: random.Random, occurred: datetime, where: Country) -> datetime:
    """Mostly at once; late within L, near L and beyond L; now and then before it occurred."""
    edge = where.lateness_days * DAY
    delay = rng.choices(
        (timedelta(), rng.randrange(86_400) * SECOND, rng.random() * edge, edge + rng.uniform(-2, 2) * DAY,
         edge + rng.uniform(1, 20) * DAY, -rng.randrange(301) * SECOND, -7 * MINUTE),
        (55, 10, 15, 8, 5, 6, 1),
    )[0]  # fmt: skip
    seen = occurred + delay
    return seen.replace(microsecond=seen.microsecond if delay < HOUR else 0)


def _payload(rng: random.Random, name: str, declared: Any, occurred: datetime) -> Any:
    members = {type(member).__name__: member for member in getattr(declared, "types", (declared,))}
    if "NoneType" in members and rng.random() < 0.25:
        return None
    if "BoolType" in members:
        return rng.random() < 0.5
    if "DateType" in members:
        monday = occurred.date() - occurred.weekday() * DAY
        return monday + 7 * rng.randint(-6, 6) * DAY + rng.randrange(2) * DAY
    if "IntType" in members:
        low, high = members["IntType"].ge or 0, members["IntType"].le or 1_000_000
        near = max(low, -50)
        return rng.randint(near, min(high, near + rng.choice((2, 9, 100_000))))
    if "LiteralType" in members:
        return rng.choice(members["LiteralType"].values)
    return rng.choice(WORDS)


def _near(rng: random.Random, bound: Bound, value: Any, occurred: datetime) -> Any:
    """A day as it is and a year within its bound; now and then at the bound, or just beyond."""
    if value is None or (isinstance(bound, Days) and rng.random() < 0.97):
        return value
    far = rng.choice((bound.ahead, -bound.back)) + rng.choice((-1, 0, 0, 1))
    if isinstance(bound, Days):
        return occurred.date() + far * DAY
    return occurred.year + (far if rng.random() < 0.05 else rng.randint(-bound.back, bound.ahead))


def within(event: Event) -> Event:
    """The event, once its times were changed: a day or year that is now beyond its bound, or at it, goes along."""
    on, near = event.occurred_at.date(), dict[str, Any]()
    for name, bound in bounds(type(event)).items():
        if (value := getattr(event, name)) is not None:
            ahead = (value - on).days if isinstance(bound, Days) else value - on.year
            if not -bound.back < ahead < bound.ahead:
                near[name] = on if isinstance(bound, Days) else on.year - 1
    return replace(event, **near)


# -- dirt --------------------------------------------------------------------------------------------------------


def _dirty(rng: random.Random, event: Event, where: Country, others: Sequence[Event]) -> Iterator[Event]:
    """An event as it is really delivered: alone, or followed by repetitions, conflicts and re-used ids."""
    yield event
    roll, later = (
        rng.random(),
        rng.choice((timedelta(), MINUTE, DAY * 3, DAY * 33, DAY * 40)) + rng.randrange(3600) * SECOND,
    )
    other = rng.choice(others)
    if roll < 0.1:
        yield replace(event, seen_at=seen(event) + later)
    elif roll < 0.14:
        same_times = {"id": event.id, "occurred_at": event.occurred_at, "seen_at": seen(event) + later}
        yield replace(other, **same_times)
    elif roll < 0.18:
        yield replace(event, occurred_at=other.occurred_at, seen_at=max(seen(event), seen(other)) + later)
    elif roll < 0.21:  # skewed twins: one id, one instant after clamping, two claims
        yield replace(event, occurred_at=seen(event) + MINUTE)
        yield replace(other, id=event.id, occurred_at=seen(event) + 2 * MINUTE, seen_at=event.seen_at)
    elif roll < 0.26:  # another event of the same instant, often seen at the same one too; its id says nothing
        later = later if roll < 0.22 else timedelta()
        yield replace(other, id=f"{roll}", occurred_at=event.occurred_at, seen_at=seen(event) + later)


def _erasure(rng: random.Random, where: Country, customer: str) -> Event:
    at = _instant(rng, where)
    return events.Erased(id=f"erase {customer}", country=where.code, customer_id=customer, occurred_at=at, seen_at=at)


def _shuffled(rng: random.Random, log: list[Event]) -> list[Event]:
    """Neighbours change places, a few records travel far, and sometimes a stretch of the log is sent again."""
    for _ in range(len(log) // 4):
        i = rng.randrange(len(log))
        j = min(len(log) - 1, max(0, i + rng.choice((-40, -5, -2, -1, 1, 2, 5))))
        log[i], log[j] = log[j], log[i]
    if rng.random() < 0.5:
        start = rng.randrange(len(log))
        log = log + log[start : start + len(log) // 6]
    return log


def _placed(rng: random.Random, log: list[Event]) -> list[LoggedEvent]:
    """Two epochs of three partitions: a customer stays in its partition, offsets have holes."""
    change, offset, records = rng.randrange(len(log)), 0, []
    for n, event in enumerate(log):
        epoch = int(n >= change)
        offset += rng.choice((1, 1, 2))
        records.append(LoggedEvent(epoch, (int(event.customer_id[1:]) + epoch) % 3, offset, event))
    return sorted(records, key=lambda record: (record.epoch, record.partition, record.offset))

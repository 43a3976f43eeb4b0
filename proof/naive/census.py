"""What was really compared: a count of the special instants and of every kind of dirt, by time zone.

A test that says "across clock changes" and never stands at one proves nothing; so the ladder counts, and the tests
ask that no count is zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from proof.naive import oracle, world
from proof.naive.oracle import Fact, Verdict
from proof.naive.world import LoggedEvent
from scv.events.country import Country

INSTANTS = FORWARD, BACK, CHANGED, WEEK_BEGINS, WEEK_ENDS, LEAP_DAY, YEAR_ENDS, YEAR_BEGINS = (
    "half hours around a clock put forward", "half hours around a clock put back", "the day of a clock change",
    "the first midnight of an ISO week", "the last half hour of an ISO week", "29 February", "31 December", "1 January",
)  # fmt: skip
DIRT = LATE, TOO_LATE, TWICE, CONFLICT, REUSED, TIED, AHEAD, REFUSED, UNORDERED, ERASED, RETURNED, FORGOTTEN, EPOCHS = (
    "late within the limit", "too late", "delivered twice", "same id and time, other content", "same id, other time",
    "another event of one instant, seen at one",
    "said to have occurred after it was seen", "refused", "out of order", "erased", "back after an erasure",
    "come after the erasure that they happened before", "in two epochs",
)  # fmt: skip
CHANGES = (FORWARD, BACK, CHANGED)
"""Where no clock changes, nobody can stand at these."""
HALF_HOUR = timedelta(minutes=30)
Judged = Mapping[str, Sequence[tuple[Fact, Verdict]]]
"""Customer → the oracle's verdicts."""


@cache
def instants(at: datetime, country: Country) -> tuple[str, ...]:
    """Which of `INSTANTS` an instant is one of."""
    zone = ZoneInfo(country.time_zone)
    local, changes = at.astimezone(zone), world.clock_changes(country)
    close = [one for one in changes if abs(one - at) <= HALF_HOUR]
    forward = [_offset(one, zone) > _offset(one - HALF_HOUR, zone) for one in close]
    found = {
        FORWARD: any(forward),
        BACK: not all(forward),
        CHANGED: any(one.astimezone(zone).date() == local.date() for one in changes),
        WEEK_BEGINS: local.weekday() == 0 and (at - world.TICK).astimezone(zone).weekday() == 6,
        WEEK_ENDS: local.weekday() == 6 and (at + HALF_HOUR).astimezone(zone).weekday() == 0,
        LEAP_DAY: (local.month, local.day) == (2, 29),
        YEAR_ENDS: (local.month, local.day) == (12, 31),
        YEAR_BEGINS: (local.month, local.day) == (1, 1),
    }
    return tuple(name for name, holds in found.items() if holds)


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    found = at.astimezone(zone).utcoffset()
    assert found is not None, "an aware instant has one"
    return found


def dirt(records: Sequence[LoggedEvent], country: Country, judged: Judged) -> Counter[str]:
    """How many arrivals of each kind of dirt a log holds; customers, where it is they who are erased or moved."""
    found = Counter[str](one for verdicts in judged.values() for one in _judged(verdicts))
    newest: dict[str, datetime] = {}
    for event in (record.event for record in records):
        before = newest.setdefault(event.customer_id, world.seen(event))
        newest[event.customer_id] = max(before, world.seen(event))
        found[UNORDERED] += world.seen(event) < before
        found[REFUSED] += oracle.fact_of(event, country) is None
    erased = {record.event.customer_id for record in records if record.event.kind == "erased"}
    seats = Counter(name for name, _ in {(record.event.customer_id, record.epoch) for record in records})
    found[ERASED] += len(erased)
    found[RETURNED] += sum(any(said == "admitted" for _, said in judged.get(name, ())) for name in erased)
    found[EPOCHS] += sum(count > 1 for count in seats.values())
    return found


def _judged(verdicts: Sequence[tuple[Fact, Verdict]]) -> Iterator[str]:
    """The dirt of one customer's arrivals, as far as verdicts tell."""
    admitted, moments = set[str](), set[tuple[datetime, datetime]]()
    for fact, verdict in verdicts:
        if verdict == "too late":
            yield TOO_LATE
        elif verdict == "repeated":
            yield TWICE
        elif verdict == "changed":
            yield CONFLICT
        elif verdict == "before an erasure":
            yield FORGOTTEN
        else:
            if fact.seen - fact.occurred > timedelta(days=1):
                yield LATE
            if fact.claimed > fact.seen:
                yield AHEAD
            if fact.id in admitted:
                yield REUSED
            if (fact.occurred, fact.seen) in moments:
                yield TIED
            admitted.add(fact.id)
            moments.add((fact.occurred, fact.seen))

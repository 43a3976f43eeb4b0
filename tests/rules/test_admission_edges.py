"""The edges of admission, each by hand: what is refused, what is repeated, what an erasure leaves."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from proof.naive import oracle, world
from proof.naive.sides import PLACE, SqlSide
from proof.naive.world import DAY, HOUR, MINUTE, TICK, LoggedEvent
from scv.errors import BadEvent
from scv.events import admission
from scv.events.arrival import SKEW_US, arrival_of
from scv.events.calendar import midnight, to_us
from scv.events.country import Country
from scv.events.event import Erased, Event, Placed
from scv.features.fetcher import get
from scv.features.layout import layout_of
from scv.online.row import Row, unpack

LAYOUT = layout_of(get("orders"))
NOON = datetime(2016, 6, 1, 12, tzinfo=UTC)
FIVE_MINUTES = timedelta(microseconds=SKEW_US)


def order(id: str, occurred: datetime, seen: datetime | None = None) -> Placed:
    return Placed(
        id=id, country="ZZ", customer_id="c1", occurred_at=occurred, seen_at=seen or occurred, amount_cents=100
    )


def erasure(at: datetime) -> Erased:
    return Erased(id=f"erased {at}", country="ZZ", customer_id="c1", occurred_at=at, seen_at=at)


def by_stream(log: Sequence[Event], country: Country) -> list[str | None]:
    """The verdicts of a row that is stored and loaded after every arrival."""
    row, found = Row(LAYOUT, country), []
    for offset, event in enumerate(log):
        found.append(row.take(arrival_of(event, country)))
        _, row = unpack(row.pack(PLACE, offset), LAYOUT, country)
    return found


def by_sql(log: Sequence[Event], country: Country) -> list[str]:
    """The verdicts on what lies after the newest erasure."""
    records = [LoggedEvent(0, 0, offset, event) for offset, event in enumerate(log)]
    with SqlSide(records, "orders", country) as table:
        judged = admission.sql(table.query, country.lateness_days)
        rows: list[Any] = table.connection.execute(f'SELECT verdict FROM ({judged}) ORDER BY "offset"').fetchall()
    return [verdict for (verdict,) in rows]


def test_what_was_refused_is_repeated_by_nobody() -> None:
    """One claim, clamped to two days: the first time too late, the second time not, and never admitted before."""
    country = world.country("UTC", lateness_days=1)
    claimed = NOON.replace(hour=0, minute=2) - DAY
    log = [order("clock", NOON), order("x", claimed, claimed - 4 * MINUTE), order("x", claimed, claimed + MINUTE)]
    expected = ["admitted", "too late", "admitted"]
    assert by_stream(log, country) == by_sql(log, country) == expected


@pytest.mark.parametrize("time_zone", ["Pacific/Auckland", "UTC", "America/New_York"])
@pytest.mark.parametrize("hour", [0, 23])
def test_a_day_is_late_after_l_days_and_remembered_until_then(time_zone: str, hour: int) -> None:
    """East of Greenwich a local day begins on the UTC day before: its ids are kept all the same."""
    country = world.country(time_zone, lateness_days=2)
    first = world.local(NOON.date(), country, hour)
    for days, expected in ((2, "repeated"), (3, "too late")):
        clock = order("clock", first + days * DAY)
        log = [order("x", first), clock, order("x", first), order("y", first)]
        verdicts = ["admitted", "admitted", expected, "admitted" if days == 2 else "too late"]
        assert by_stream(log, country) == by_sql(log, country) == verdicts


def test_an_erasure_leaves_neither_ids_nor_a_clock() -> None:
    country = world.country("Europe/Berlin", lateness_days=7)
    log = [order("x", NOON), order("y", NOON + 90 * DAY), erasure(NOON), order("x", NOON)]
    assert by_stream(log, country) == ["admitted", "admitted", None, "admitted"]
    assert by_sql(log, country) == ["admitted"]


def test_nothing_that_happened_before_an_erasure_comes_back() -> None:
    """In rows, in the lake and by the oracle: whatever the order in which two erasures and what is about them come."""
    country, rng = world.country("Europe/Berlin", lateness_days=7), random.Random(7)
    about = [order(id, NOON + days * DAY) for id, days in (("a", -1), ("b", 1), ("c", 3), ("b", 1))]
    log: list[Event] = [*about, order("d", NOON - HOUR, NOON + 20 * DAY), erasure(NOON), erasure(NOON + 2 * DAY)]
    back = 0
    for _ in range(60):
        rng.shuffle(log)
        expected = [str(verdict) for _, verdict in oracle.judged(log, country, "c1")]
        stream = by_stream(log, country)
        assert stream[len(stream) - len(expected) :] == by_sql(log, country) == expected
        back += expected.count("before an erasure")
    assert back > 60


def test_an_erasure_that_comes_late_lets_nothing_back_in() -> None:
    country = world.country("Europe/Berlin", lateness_days=7)
    log = [erasure(NOON + 2 * DAY), erasure(NOON), order("a", NOON + DAY, NOON + 60 * DAY), order("b", NOON + 2 * DAY)]
    assert by_stream(log, country)[2:] == by_sql(log, country) == ["before an erasure", "admitted"]


def test_what_comes_between_an_erasure_and_what_is_sent_again_makes_older_ones_too_late() -> None:
    """Until it is done once more, with that one in its place."""
    country = world.country("Europe/Berlin", lateness_days=7)
    again = [order(f"{days}", NOON + days * DAY) for days in (0, 7, 14)]
    log = [order("wrong", NOON + 90 * DAY), erasure(NOON), again[2], *again[:2]]
    assert by_stream(log, country) == ["admitted", None, "admitted", "too late", "admitted"]
    assert by_sql(log, country) == ["admitted", "too late", "admitted"]
    log += [erasure(NOON), *again]
    assert by_stream(log, country)[-3:] == by_sql(log, country) == ["admitted"] * 3


def test_five_minutes_ahead_is_clamped_and_more_is_refused() -> None:
    country = world.country("Europe/Berlin")
    ahead = arrival_of(order("x", NOON + FIVE_MINUTES, NOON), country)
    assert (ahead.occurred_us, ahead.claimed_us) == (to_us(NOON), to_us(NOON + FIVE_MINUTES))
    with pytest.raises(BadEvent) as refused:
        arrival_of(order("x", NOON + FIVE_MINUTES + TICK, NOON), country)
    assert refused.value.reason == "occurred after seen"


def test_the_span_begins_and_ends_at_a_local_midnight() -> None:
    country = world.country("America/New_York")
    first, end = (midnight(day, country.zone) for day in (country.starts_on, country.ends_on))
    inside = [arrival_of(order("x", at), country).seen_us for at in (first, end - TICK)]
    assert inside == [to_us(first), to_us(end) - 1]
    for seen in (first - TICK, end, end + HOUR):
        with pytest.raises(BadEvent) as refused:
            arrival_of(order("x", first - HOUR, seen), country)
        assert refused.value.reason == "outside span"

"""Nothing that is seen at or after a reference changes what was known then."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proof.naive import world
from proof.naive.sides import SqlSide
from proof.naive.world import DAY, FIRST, TICK, DirtyWorld, LoggedEvent
from scv.events.event import FAMILIES, Erased
from scv.features.fetcher import of_family

BERLIN = world.country("Europe/Berlin")
AFTER = (timedelta(), TICK, timedelta(hours=5), timedelta(days=20))


def without_future(made: DirtyWorld, cut_us: int) -> list[LoggedEvent]:
    """The log without what was seen at or after an instant; what only forgets a customer stays."""
    return [r for r in made.records if round(r.event.seen_at.timestamp() * 1e6) < cut_us or isinstance(r.event, Erased)]


@given(seed=st.integers(0, 10_000), day=st.integers(30, 470), family=st.sampled_from(sorted(FAMILIES)))
@settings(max_examples=8, deadline=None, derandomize=True)
def test_the_future_of_a_log_in_order_of_seeing_changes_nothing(seed: int, day: int, family: str) -> None:
    """Admission looks only back, so cutting a log off at a reference leaves that reference as it was."""
    made = world.make(seed, family, BERLIN, customers=3, events_each=25)
    at = world.local(FIRST + day * DAY, BERLIN)
    ordered = sorted(made.records, key=lambda record: record.event.seen_at)
    log = [LoggedEvent(0, 0, offset, record.event) for offset, record in enumerate(ordered)]
    past = without_future(DirtyWorld(BERLIN, family, log), round(at.timestamp() * 1e6))
    with SqlSide(log, family, BERLIN) as whole, SqlSide(past, family, BERLIN) as known:
        for fetcher in of_family(family):
            assert whole.read(fetcher, [at]) == known.read(fetcher, [at])


@pytest.mark.parametrize("family", FAMILIES)
def test_an_event_seen_after_the_reference_changes_nothing_there(family: str) -> None:
    """Whatever it says and whenever it happened, appended to any log in any order."""
    made = world.make(3, family, BERLIN, customers=3, events_each=30)
    at = world.local(FIRST + 300 * DAY, BERLIN)
    kinds = world.make(4, family, BERLIN, customers=3, events_each=20).records
    later = [
        LoggedEvent(9, 0, n, world.replace(record.event, seen_at=max(record.event.seen_at, at + AFTER[n % 4])))  # type: ignore[type-var]
        for n, record in enumerate(kinds)
        if not isinstance(record.event, Erased)
    ]
    with SqlSide(made.records, family, BERLIN) as before, SqlSide([*made.records, *later], family, BERLIN) as after:
        for fetcher in of_family(family):
            found = before.read(fetcher, [at])
            assert found == after.read(fetcher, [at])
            assert found


def test_the_check_would_see_an_event_seen_before() -> None:
    made = world.make(3, "orders", BERLIN, customers=3, events_each=30)
    at = world.local(FIRST + 300 * DAY, BERLIN)
    told = next(r for r in reversed(made.records) if r.event.kind == "placed" and r.event.seen_at < at)
    extra = LoggedEvent(-1, 0, 0, world.replace(told.event, id="new", occurred_at=at - TICK, seen_at=at - TICK))
    orders = next(fetcher for fetcher in of_family("orders") if fetcher.name == "orders")
    with SqlSide(made.records, "orders", BERLIN) as before, SqlSide([*made.records, extra], "orders", BERLIN) as after:
        assert before.read(orders, [at]) != after.read(orders, [at])

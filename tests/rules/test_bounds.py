"""What cannot be is refused, by one bound per field: in any order of arrival, and as a customer's first event."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from proof.naive import oracle, world
from scv.errors import BadEvent, UserError
from scv.events import event
from scv.events.arrival import Recorded, arrival_of, decode
from scv.events.bound import Bound, Days, bounds
from scv.events.calendar import to_us
from scv.events.schema import schema
from streams.replay.history import History

AUCKLAND = world.country("Pacific/Auckland")
NOON = datetime(2016, 12, 31, 12, tzinfo=UTC)
ON = date(2017, 1, 1)
"""NOON's local day, of another year than its UTC day."""
DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
KINDS = [kind for kinds in event.FAMILIES.values() for kind in kinds]
BOUNDED = [(kind, name, bound) for kind in KINDS for name, bound in bounds(kind).items()]


def made(kind: type[event.Event], occurred: datetime = NOON, **more: Any) -> event.Event:
    """An event of a kind with something in every field that it needs."""
    needs = {"duration_s": 1, "amount_cents": 1, "method": "card", "stars": 3, "campaign": "spring", "channel": "email"}
    needs |= {"reached": True, "given": True, "order_id": "o1", "delivery_on": ON}
    own = {name: value for name, value in needs.items() if name in event.payload(kind)}
    seen = max(occurred, NOON)
    return kind(id="x", country="ZZ", customer_id="c1", occurred_at=occurred, seen_at=seen, **own | more)


def edges(bound: Bound) -> tuple[list[Any], list[Any]]:
    """The first and last value that can be, and those just beyond."""
    far = [-bound.back, bound.ahead], [-bound.back - 1, bound.ahead + 1]
    inside, beyond = ([ON + n * DAY if isinstance(bound, Days) else ON.year + n for n in some] for some in far)
    return inside, beyond


def taken(one: event.Event, country: Any = AUCKLAND) -> str:
    """What a consumer makes of a record, the first of its customer."""
    try:
        decode(family_of(one), event.key_of(one), event.encode(one), {"ZZ": country}, Recorded(to_us(NOON)))
    except BadEvent as refused:
        return refused.reason
    return "taken"


def family_of(one: event.Event) -> str:
    return next(family for family, kinds in event.FAMILIES.items() if type(one) in kinds)


@pytest.mark.parametrize(("kind", "name", "bound"), BOUNDED, ids=lambda one: getattr(one, "__name__", str(one)))
def test_a_value_at_its_bound_is_taken_and_one_beyond_is_not(kind: type[event.Event], name: str, bound: Bound) -> None:
    inside, beyond = edges(bound)
    assert [taken(made(kind, **{name: value})) for value in inside] == ["taken"] * 2
    assert [taken(made(kind, **{name: value})) for value in beyond] == ["out of bounds"] * 2
    assert all(oracle.fact_of(made(kind, **{name: value}), AUCKLAND) for value in inside)
    assert not any(oracle.fact_of(made(kind, **{name: value}), AUCKLAND) for value in beyond)


@pytest.mark.parametrize(("kind", "name", "bound"), BOUNDED, ids=lambda one: getattr(one, "__name__", str(one)))
def test_the_schema_says_the_bound(kind: type[event.Event], name: str, bound: Bound) -> None:
    found = schema(family_of(made(kind)))["$defs"][kind.__name__]["properties"][name]
    assert found["description"] == f"lies {bound.said()}" and f"{bound.back:,}" in bound.said()


@pytest.mark.parametrize("kind", KINDS, ids=event.tag)
def test_no_kind_of_event_is_of_a_year_ten_before_its_country(kind: type[event.Event]) -> None:
    """A phone whose clock stands at 1970, as a customer's first event and in every family."""
    first = world.local(date(AUCKLAND.starts_on.year - 10, 1, 1), AUCKLAND)
    with pytest.raises(BadEvent, match="10 years before starts_on of ZZ") as refused:
        arrival_of(made(kind, datetime(1970, 1, 3, tzinfo=UTC)), AUCKLAND)
    assert refused.value.reason == "outside span"
    free = {name: None for name in bounds(kind) if name != "delivery_on"}
    dated = {"delivery_on": first.date() + DAY} if "delivery_on" in bounds(kind) else {}
    for at, expected in ((first, "taken"), (first - TICK, "outside span")):
        one = made(kind, at, **free, **dated)
        assert (taken(one), bool(oracle.fact_of(one, AUCKLAND))) == (expected, expected == "taken")


def test_a_country_from_the_beginning_has_no_day_before_it() -> None:
    early = msgspec.structs.replace(AUCKLAND, starts_on=date(1972, 1, 1))
    assert taken(made(event.Session, datetime(1970, 1, 2, tzinfo=UTC)), early) == "taken"
    assert taken(made(event.Session, datetime(1970, 1, 2, tzinfo=UTC) - TICK), early) == "outside span"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "set", "birth_year": 2018}, "birth_year must lie at most 120 years before its event and 0 after it"),
        ({"kind": "paused", "until_on": "9999-12-31"}, "until_on must lie at most 366 days before"),
        ({"kind": "session", "duration_s": 1, "occurred_at": "1970-01-03T00:00:00Z"}, "10 years before starts_on"),
    ],
)
def test_a_file_with_what_cannot_be_is_refused_by_row_and_field(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    at = "2016-12-31T12:00:00Z"
    row = {"country": "ZZ", "customer_id": "1", "occurred_at": at, "seen_at": at}
    path = tmp_path / "h.jsonl"
    path.write_bytes(msgspec.json.encode(row | change))
    with History(path) as history, pytest.raises(UserError, match=said) as refused:
        history.check({"ZZ": AUCKLAND})
    assert f"{path}, row 1: " in str(refused.value)

"""An event that is offered: every bad field is named at once, and what is taken is what consumers take."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scv.errors import BadEvent, BadEvents
from scv.events import country as countries
from scv.events import event
from scv.events.arrival import Recorded, decode
from scv.events.calendar import to_us
from scv.events.offered import look
from tests.hostile import REFUSED, TAKEN

NOW = Recorded(to_us(datetime(2026, 11, 27, tzinfo=UTC)), by_broker=True, replayed=False)
KNOWN = countries.known()
GOOD: dict[str, Any] = {
    "kind": "placed", "id": "o-1", "country": "US", "customer_id": "900", "occurred_at": "2017-09-05T10:00:00Z",
    "seen_at": "2017-09-05 10:00:00+0000", "amount_cents": 1,
}  # fmt: skip


def faults(*events: Any) -> dict[str, str]:
    with pytest.raises(BadEvents) as caught:
        look([json.dumps(one).encode() for one in events], KNOWN, NOW)
    return dict(caught.value.faults)


def test_what_is_taken_keeps_its_own_bytes_under_its_key() -> None:
    for id in TAKEN:
        body = json.dumps(GOOD | {"customer_id": id}, indent=1).encode()
        (one,) = look([body], KNOWN, NOW)
        assert (one.family, one.key, one.value, one.ignored) == ("orders", f"US:{id}".encode(), body, [])


def test_ids_that_are_none_are_named_with_their_reason() -> None:
    for id in REFUSED:
        found = faults(GOOD, GOOD | {"customer_id": id})
        assert found.keys() == {"/1/customer_id"} and "no customer id" in found["/1/customer_id"], repr(id)


def test_missing_fields_are_named_together() -> None:
    assert faults({"kind": "charged"}) == {
        f"/0/{name}": "It is missing."
        for name in ("id", "country", "customer_id", "occurred_at", "method", "amount_cents")
    }
    assert faults(3) == {"/0": "An event is a JSON object."}
    assert set(faults(GOOD | {"kind": "skipped", "delivery_on": "2027-01-01"})) == {"/0/delivery_on"}


FIELDS = st.sampled_from([*GOOD, "items", "stars", "delivery_on", "method", "birth_year"])
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**13), 10**13), st.floats(allow_nan=False), st.text(max_size=20),
    st.sampled_from([*(event.tag(kind) for kinds in event.FAMILIES.values() for kind in kinds), "erased", "watermark",
                     "US", "ZZ", "2017-09-05", "2017-09-05T10:00:00.1234567-04:00", "9999-12-31T23:59:59Z"]),
)  # fmt: skip


@given(st.dictionaries(FIELDS, VALUES, max_size=4), st.sets(FIELDS, max_size=2))
def test_the_door_says_what_the_consumers_say(change: dict[str, Any], gone: set[str]) -> None:
    """Taken by one, taken by the other; only that whoever erases or ticks is sent elsewhere."""
    made = {name: value for name, value in (GOOD | change).items() if name not in gone}
    body = json.dumps(made).encode()
    try:
        (one,) = look([body], KNOWN, NOW)
    except BadEvents as error:
        assert error.faults and all(why for _, why in error.faults)
        if made.get("kind") not in ("erased", "watermark"):
            assert refused(made, body)
        return
    assert not refused(made, body)
    decode(one.family, one.key, one.value, KNOWN, NOW)


def refused(made: dict[str, Any], body: bytes) -> bool:
    """Would consumers keep it as a dead letter, in the topic of its kind and under its key?"""
    families = {event.tag(kind): family for family, kinds in event.FAMILIES.items() for kind in kinds}
    kind = made.get("kind")
    family = families.get(kind, "orders") if isinstance(kind, str) else "orders"
    try:
        decode(family, f"{made.get('country')}:{made.get('customer_id')}".encode(), body, KNOWN, NOW)
    except BadEvent:
        return True
    return False

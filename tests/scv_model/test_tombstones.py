"""Hashes that stand for erased customers: who is covered, since when, and a file that tells of its damage."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from scv.errors import Damaged
from scv.events.arrival import Arrival
from scv.events.calendar import DAY_US
from scv.offline import tombstones
from scv.offline.tombstones import FILE, Tombstones

NOW = 1_700_000_000_000_000
GONE = {"anna@example.org": NOW - 5, "12": NOW - 7}


def arrival(customer: str, occurred_us: int, country: str = "US", kind: str = "placed") -> Arrival:
    return Arrival(
        country=country, customer_id=customer, kind=kind, id="1", occurred_us=occurred_us, claimed_us=occurred_us,
        seen_us=NOW, day=0, seen_day=0, values={}, identity=0, content=0,
    )  # fmt: skip


def test_what_happened_before_an_erasure_that_went_is_covered_and_nothing_else(tmp_path: Path) -> None:
    known, other = Tombstones(tmp_path), Tombstones(tmp_path)
    known.meet("US", GONE, NOW)
    assert not known.covers(arrival("12", NOW - 8)), "the erasure itself still stands"
    known.let_go("US", {"12": NOW - 7}, NOW)
    assert known.covers(arrival("12", NOW - 8))
    for one in (
        arrival("12", NOW - 7), arrival("12", NOW), arrival("anna@example.org", NOW - 8), arrival("1", NOW - 8),
        arrival("12", NOW - 8, "ZZ"), arrival("12", NOW - 8, kind="erased"),
    ):  # fmt: skip
        assert not known.covers(one)
    assert not other.covers(arrival("12", NOW - 8))
    other.look()
    assert other.covers(arrival("12", NOW - 8))
    body = (tmp_path / FILE).read_text()
    assert "anna" not in body and '"12"' not in body


def test_an_erasure_is_due_so_many_days_after_it_was_met_and_a_later_one_begins_anew(tmp_path: Path) -> None:
    known = Tombstones(tmp_path)
    assert known.due("US", GONE, 0, NOW) == {}, "nobody has met it"
    known.meet("US", GONE, NOW)
    known.meet("US", GONE, NOW + 3 * DAY_US)
    assert known.due("US", GONE, 3, NOW + 3 * DAY_US - 1) == {}
    assert known.due("US", GONE, 3, NOW + 3 * DAY_US) == GONE
    again = GONE | {"12": NOW + DAY_US}
    known.meet("US", again, NOW + 3 * DAY_US)
    assert known.due("US", again, 3, NOW + 3 * DAY_US) == {"anna@example.org": NOW - 5}
    assert known.due("US", again, 3, NOW + 6 * DAY_US) == again


def test_a_damaged_file_is_told_and_never_taken_for_none(tmp_path: Path) -> None:
    known = Tombstones(tmp_path)
    known.let_go("US", GONE, NOW)
    assert [one.why for one in tombstones.written(tmp_path)] == [""]
    said = msgspec.json.decode((tmp_path / FILE).read_bytes())
    said["countries"] = {}
    (tmp_path / FILE).write_bytes(msgspec.json.encode(said))
    with pytest.raises(Damaged, match=r"tombstones\.json"):
        Tombstones(tmp_path)
    assert "not what was written" in next(tombstones.written(tmp_path)).why
    (tmp_path / FILE).write_text("{")
    assert next(tombstones.written(tmp_path)).why
    (tmp_path / FILE).unlink()
    assert not list(tombstones.written(tmp_path)) and not Tombstones(tmp_path).covers(arrival("12", NOW - 8))

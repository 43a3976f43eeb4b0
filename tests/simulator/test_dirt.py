"""Dirt: each kind at its rate, alone and visible from outside, and nothing lost but what dirt may take."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click
import numpy as np
import pyarrow as pa
import pytest

from cli import cerebro
from proof.world import life
from proof.world.dirt import Arrivals, arrive, dirty
from proof.world.rates import CLEAN, KINDS, TAKEN, USUAL, Dirt
from proof.world.records import records
from proof.world.stock import Ground
from proof.world.world import World
from scv.errors import BadEvent
from scv.events import arrival, country, event
from scv.events.clock import wall_us
from streams.replay import columns as wide

ZX = country.load("ZX")  # Chatham: neither its midnight nor its hours are those of UTC, and its clock changes
WORLD = World(ZX, customers=130, weeks=15, seed=5)
GROUND = Ground(ZX, WORLD.end_us, as_bytes=True)
ZONE = ZoneInfo(ZX.time_zone)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Row = dict[str, Any]


@pytest.fixture(scope="module")
def clean() -> pa.Table:
    return life.live(WORLD, 0).events


@pytest.fixture(scope="module")
def whole(clean: pa.Table) -> dict[str, Row]:
    """Id → the event as it happened."""
    return {row["id"]: row for row in clean.to_pylist()}


def soiled(events: pa.Table, seed: int = 1, ground: Ground = GROUND, **rates: float) -> Arrivals:
    return arrive(events, np.random.default_rng(seed), replace(CLEAN, **rates), ground)


def content(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "seen_at"}


def local_day(instant: datetime) -> date:
    return instant.astimezone(ZONE).date()


def verdicts(rows: list[Row]) -> list[str]:
    """The rule of admission, read from its page: too late, duplicate or admitted, for each arrival in log order."""
    families = {event.tag(kind): family for family, kinds in event.FAMILIES.items() for kind in kinds}
    newest: dict[tuple[str, str], datetime] = {}
    admitted: set[Any] = set()
    found = []
    for row in rows:
        place = (row["customer_id"], families[row["kind"]])
        clock, occurred = newest.get(place), min(row["occurred_at"], row["seen_at"])
        identity = (*place, row["id"], row["occurred_at"])
        if clock and (local_day(clock) - local_day(occurred)).days > ZX.lateness_days:
            found.append("too late")
        elif identity in admitted:
            found.append("duplicate")
        else:
            found.append("admitted")
            admitted.add(identity)
        newest[place] = max(clock or row["seen_at"], row["seen_at"])
    return found


def judged(found: Arrivals) -> list[tuple[str, bytes, str]]:
    """(verdict of a consumer, value, id or '') of every record; 'taken' or the reason for the dead letters."""
    known = country.known()
    said = []
    for batch in records(found):
        for family, key, value in zip(*(batch[name].to_pylist() for name in ("family", "key", "value")), strict=True):
            try:
                taken = arrival.decode(wide.FAMILIES[family], key, value, known, arrival.Recorded(wall_us()))
                said.append(("taken", value, taken.id if isinstance(taken, arrival.Arrival) else ""))
            except BadEvent as error:
                said.append((error.reason, value, ""))
    return said


def test_no_dirt_is_what_happened(clean: pa.Table) -> None:
    found = soiled(clean)
    assert found.rows.equals(clean) and not found.harm.any() and not any(found.counts.values())
    assert found.sent_us.tolist() == [
        (row - EPOCH) // timedelta(microseconds=1) for row in clean["seen_at"].to_pylist()
    ]
    assert set(verdicts(clean.to_pylist())) == {"admitted"}


def test_late_means_within_the_limit(clean: pa.Table, whole: dict[str, Row]) -> None:
    found = soiled(clean, late=0.4)
    rows = found.rows.to_pylist()
    moved = [row for row in rows if row["seen_at"] != whole[row["id"]]["seen_at"]]
    assert 0.3 * len(whole) < len(moved) == found.counts["late"] <= 0.4 * len(whole) + 1
    assert {row["id"] for row in rows} == whole.keys() and set(verdicts(rows)) == {"admitted"}
    assert all(content(row) == content(whole[row["id"]]) for row in rows)
    days = [(local_day(row["seen_at"]) - local_day(row["occurred_at"])).days for row in moved]
    assert max(days) == ZX.lateness_days and all(row["seen_at"] > whole[row["id"]]["seen_at"] for row in moved)
    assert sum(day > 7 for day in days) > 0.1 * len(days), "not only hours late"
    assert [row["seen_at"] for row in rows] == sorted(row["seen_at"] for row in rows)


def test_too_late_is_what_admission_calls_so(clean: pa.Table, whole: dict[str, Row]) -> None:
    found = soiled(clean, too_late=0.01, late=0.1)
    rows = found.rows.to_pylist()
    refused = Counter(verdicts(rows))
    assert refused["too late"] == found.counts["too_late"] >= 0.009 * len(whole)
    assert refused["duplicate"] == 0 and len(rows) == len(whole)


def test_twice_is_the_same_again(clean: pa.Table, whole: dict[str, Row]) -> None:
    found = soiled(clean, twice=0.02)
    rows = found.rows.to_pylist()
    assert len(rows) - len(whole) == found.counts["twice"] == round(0.02 * len(whole))
    assert all(content(row) == content(whole[row["id"]]) for row in rows)
    again = [row["seen_at"] - whole[row["id"]]["seen_at"] for row in rows]
    assert sum(wait > timedelta(0) for wait in again) > 0.3 * found.counts["twice"], "a retry, or some time later"
    assert Counter(verdicts(rows)) == {"admitted": len(whole), "duplicate": found.counts["twice"]}


def test_changed_has_another_content_and_comes_second(clean: pa.Table, whole: dict[str, Row]) -> None:
    found = soiled(clean, changed=0.02)
    rows = found.rows.to_pylist()
    said = verdicts(rows)
    second = [row for row, verdict in zip(rows, said, strict=True) if verdict == "duplicate"]
    assert len(second) == found.counts["changed"] == round(0.02 * len(whole))
    for row in second:
        differing = [name for name, value in content(row).items() if value != whole[row["id"]][name]]
        assert differing in (["amount_cents"], ["duration_s"])


def test_swapped_changes_the_order_alone(clean: pa.Table, whole: dict[str, Row]) -> None:
    found = soiled(clean, swapped=0.05)
    rows = found.rows.to_pylist()
    assert sorted(row["id"] for row in rows) == sorted(whole) and all(row == whole[row["id"]] for row in rows)
    assert found.counts["swapped"] == round(0.05 * len(whole))
    newest: dict[tuple[str, int], datetime] = {}
    overtaken = 0
    for row in rows:
        place = (row["customer_id"], wide.FAMILY_OF[row["kind"]])
        overtaken += row["seen_at"] < newest.get(place, row["seen_at"])
        newest[place] = max(newest.get(place, row["seen_at"]), row["seen_at"])
    assert overtaken > 0.2 * found.counts["swapped"], "neighbours of one customer and family"
    sent = [EPOCH + timedelta(microseconds=us) for us in found.sent_us.tolist()]
    assert sent == sorted(sent) and sent[-1] < EPOCH + timedelta(microseconds=WORLD.end_us)
    for row, at in zip(rows, sent, strict=True):
        assert (at.date(), at.hour) == (row["seen_at"].date(), row["seen_at"].hour), "a watermark would lie"


def test_skewed_is_forgiven_and_ahead_is_not(clean: pa.Table, whole: dict[str, Row]) -> None:
    found = soiled(clean, skewed=0.05)
    ahead = [
        row["occurred_at"] - row["seen_at"] for row in found.rows.to_pylist() if row["occurred_at"] > row["seen_at"]
    ]
    assert len(ahead) == found.counts["skewed"] == round(0.05 * len(whole))
    assert timedelta(minutes=4) < max(ahead) <= timedelta(minutes=5)
    assert {verdict for verdict, _, _ in judged(found)} == {"taken"}
    beyond = soiled(clean, ahead=0.05)
    reasons = Counter(verdict for verdict, _, _ in judged(beyond))
    assert reasons == {"taken": len(whole), "occurred after seen": beyond.counts["ahead"]}


def test_the_erased_ask_once_and_do_nothing_afterwards(clean: pa.Table) -> None:
    found = soiled(clean, erased=0.2, late=0.4)
    rows = found.rows.to_pylist()
    asked = {row["customer_id"]: row["occurred_at"] for row in rows if row["kind"] == "erased"}
    everyone = set(clean["customer_id"].to_pylist())
    assert len(asked) == found.counts["erased"] == round(0.2 * len(everyone)) and asked.keys() <= everyone
    theirs = [row for row in rows if row["customer_id"] in asked and row["kind"] != "erased"]
    assert all(row["occurred_at"] < asked[row["customer_id"]] for row in theirs)
    expected = [
        row
        for row in clean.to_pylist()
        if row["occurred_at"] < asked.get(row["customer_id"], row["seen_at"] + timedelta(1))
    ]
    assert len(rows) == len(expected) + len(asked)
    assert any(row["seen_at"] > asked[row["customer_id"]] for row in theirs), "what they did may arrive afterwards"
    everywhere = Counter(id for _, _, id in judged(found) if "erased" in id)
    assert set(everywhere.values()) == {len(event.FAMILIES)} and len(everywhere) == len(asked)


def test_unknown_fields_are_ignored(clean: pa.Table, whole: dict[str, Row]) -> None:
    plain, found = judged(soiled(clean)), soiled(clean, additions=0.2)
    judged_found = judged(found)
    assert [(verdict, id) for verdict, _, id in judged_found] == [(verdict, id) for verdict, _, id in plain]
    more = sum(value != before for (_, value, _), (_, before, _) in zip(judged_found, plain, strict=True))
    assert more == found.counts["additions"] == round(0.2 * len(whole))
    decode = event.decoder("app").decode
    sessions = [number for number, (_, _, id) in enumerate(plain) if whole[id]["kind"] == "session"]
    assert [decode(judged_found[number][1]) for number in sessions] == [decode(plain[number][1]) for number in sessions]


def test_what_is_corrupt_or_strange_is_refused_and_takes_nothing_away(clean: pa.Table, whole: dict[str, Row]) -> None:
    found = soiled(clean, corrupt=0.05, unknown_country=0.02)
    said = judged(found)
    assert sorted(id for verdict, _, id in said if verdict == "taken") == sorted(whole)
    reasons = Counter(verdict for verdict, _, _ in said if verdict != "taken")
    assert reasons.pop("unknown country") == found.counts["unknown_country"] == round(0.02 * len(whole))
    assert set(reasons) == {"not JSON", "wrong type"} and sum(reasons.values()) == found.counts["corrupt"]
    assert min(reasons.values()) > 0.2 * found.counts["corrupt"]
    assert not any(b"\n" in value for _, value, _ in said)


def test_a_table_is_broken_in_its_fields(clean: pa.Table, whole: dict[str, Row]) -> None:
    found = soiled(clean, ground=GROUND._replace(as_bytes=False), corrupt=0.05, additions=0.2)
    assert set(found.harm.tolist()) == {0, 2} and found.counts["additions"] == 0
    bad = [row for row in found.rows.to_pylist() if row != whole.get(row["id"])]
    broken = Counter(
        name for row in bad for name in ("kind", "customer_id", "id") if row[name] in ("mystery", "none", "")
    )
    assert sum(broken.values()) == len(bad) == found.counts["corrupt"] and len(broken) == 3


def test_another_rate_of_one_kind_leaves_the_others_alone(clean: pa.Table) -> None:
    def changed(found: Arrivals) -> list[str]:
        return sorted(
            row["id"] for row in soiled_rows(found) if row["seen_at"] - row["occurred_at"] > timedelta(days=8)
        )

    def soiled_rows(found: Arrivals) -> list[Row]:
        return found.rows.to_pylist()

    alone = changed(soiled(clean, late=0.2))
    assert alone == changed(soiled(clean, late=0.2, twice=0.0, swapped=0.1)) and len(alone) > 50
    assert alone != changed(soiled(clean, seed=2, late=0.2))


def test_equal_arguments_give_equal_deliveries(clean: pa.Table) -> None:
    first, second = (arrive(clean, WORLD.random(0, "dirt"), USUAL, GROUND) for _ in range(2))
    assert first.rows.equals(second.rows) and first.counts == second.counts
    assert first.sent_us.tolist() == second.sent_us.tolist() and first.harm.tolist() == second.harm.tolist()
    assert all(first.counts[name] >= 1 for name in KINDS)
    other = arrive(clean, WORLD.random(1, "dirt"), USUAL, GROUND)
    assert not first.rows.equals(other.rows)


def test_everything_is_seen_before_the_end(clean: pa.Table) -> None:
    found = arrive(clean, WORLD.random(0, "dirt"), Dirt(*[0.2] * len(KINDS)), GROUND)
    assert max(found.rows["seen_at"].to_pylist()) < EPOCH + timedelta(microseconds=WORLD.end_us)
    assert found.sent_us.max() < WORLD.end_us and (np.diff(found.sent_us) >= 0).all()


def test_nobody_and_one_event(clean: pa.Table) -> None:
    nothing = arrive(clean.slice(0, 0), WORLD.random(0, "dirt"), USUAL, GROUND)
    assert len(nothing.rows) == 0 and not any(nothing.counts.values())
    one = arrive(clean.slice(5, 1), WORLD.random(0, "dirt"), Dirt(*[1.0] * len(KINDS)), GROUND)
    assert clean["id"][5].as_py() in one.rows["id"].to_pylist() or one.counts["erased"] == 1


def test_the_usual_dirt_of_simulate(clean: pa.Table) -> None:
    rows = dirty(clean, np.random.default_rng(3), WORLD.end_us, ZX).to_pylist()
    said = Counter(verdicts(rows))
    assert said["too late"] >= 3 and said["duplicate"] >= 6
    assert {row["kind"] for row in rows} == set(clean["kind"].to_pylist())


def test_options_of_the_command_are_the_kinds_of_dirt() -> None:
    command = cerebro.get_command(click.Context(cerebro), "simulate")
    assert command is not None
    helps = {one.name: re.search(r"\[usual: (.+)\]$", getattr(one, "help", None) or "") for one in command.params}
    usual = {name: float(said[1]) for name, said in helps.items() if said}
    assert usual == {one.name: one.default for one in fields(Dirt)} and list(usual) == list(KINDS)
    changed = defaultdict(float) | {name: getattr(TAKEN, name) for name in KINDS}
    assert {name for name in KINDS if not changed[name]} == {"additions", "ahead", "unknown_country", "corrupt"}

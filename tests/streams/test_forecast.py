"""Before anything is sent a replay says which events will not count, by the rule that will refuse them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

import cli
from proof.naive import world
from scv.events import country, event
from scv.events.calendar import to_us
from scv.settings import Settings
from streams.replay.history import History
from tests.streams.topic_reading import described

US = country.known()["US"]
ORDER = {"country": "US", "customer_id": "ann", "kind": "placed", "amount_cents": 1000}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def verdicts(events: list[event.Event], where: country.Country, since: datetime) -> Counter[str]:
    """What becomes of events in this order, those seen from then on counted."""
    clocks: dict[str, Any] = {}
    taken: dict[tuple[str, str, datetime], Any] = {}
    counted = Counter[str]()
    forgotten = {one.customer_id: (n, one.occurred_at) for n, one in enumerate(events) if one.kind == "erased"}
    for one in (one for n, one in enumerate(events) if n > forgotten.get(one.customer_id, (-1,))[0]):
        if one.customer_id in forgotten and min(one.seen_at, one.occurred_at) < forgotten[one.customer_id][1]:  # type: ignore[type-var]
            counted["before an erasure"] += one.seen_at >= since
            continue
        seen_on, on = (at.astimezone(where.zone).date() for at in (one.seen_at, min(one.seen_at, one.occurred_at)))  # type: ignore[type-var]
        content = [getattr(one, name) for name in event.payload(type(one))] + [one.kind]
        clock = clocks.get(one.customer_id)
        said = ""
        if clock is not None and (clock - on).days > where.lateness_days:
            said = "too late"
        elif (known := (one.customer_id, one.id, one.occurred_at)) in taken:
            said = "repeated" if taken[known] == content else "changed"
        else:
            taken[known] = content
        counted[said] += one.seen_at >= since
        clocks[one.customer_id] = max(clock or seen_on, seen_on)
    del counted[""]
    return +counted


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Chatham"])
def test_the_forecast_is_what_admission_then_says(tmp_path: Path, zone: str, seed: int) -> None:
    where = world.country(zone)
    events = [one.event for one in world.make(seed, "orders", where).records if isinstance(one.event, event.Event)]
    events.sort(key=lambda one: one.seen_at)  # a history's order; equal ones stay as they lie
    path = tmp_path / "h.jsonl"
    path.write_bytes(b"\n".join(map(event.encode, events)))
    middle = events[len(events) // 2].seen_at
    for since in (events[0].seen_at, middle):
        with History(path) as history:
            forecast = history.forecast([where], to_us(since))
        expected = verdicts(events, where, since)
        assert {why: one.events for why, one in forecast.uncounted.items()} == expected
    assert expected["repeated"] and expected["too late"]


LINES = [ORDER | {"id": "1001", "occurred_at": "2017-05-11T09:55:16-04:00", "amount_cents": n} for n in (1, 2, 3, 3)]
LOADED = [
    ORDER | {"id": str(n), "occurred_at": f"2017-0{n}-05T10:00:00Z", "seen_at": "2017-11-14T03:00:00Z"}
    for n in range(1, 8)
]
TWICE = [ORDER | {"id": "1001", "occurred_at": "2017-05-11T09:55:16-04:00"}] * 2


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (LINES, "3 of 4 events have the id and the instant of another one"),
        (LOADED, "6 of 7 events come too late to count"),
    ],
    ids=["order lines", "load time"],
)
def test_what_would_be_lost_stops_a_replay_unless_it_is_meant(
    live: Settings, tmp_path: Path, rows: list[dict[str, Any]], said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = write(tmp_path / "h.jsonl", rows)
    assert cli.main(["replay", str(path)]) == 2
    told = capsys.readouterr().err
    assert said in told and f"{path}, row 2" in told and "--anyway" in told and described(live) == {}
    assert cli.main(["replay", str(path), "--anyway"]) == 0
    told = capsys.readouterr().err
    assert said in told and f"Sent {len(rows)} events" in told


def test_what_a_field_says_that_is_left_out_is_the_same_content(tmp_path: Path) -> None:
    """Whatever kind has a field with a default: its row is written with and without it."""
    at, rows = "2017-05-11T09:55:16-04:00", list[dict[str, Any]]()
    for kind in (kind for kinds in event.FAMILIES.values() for kind in kinds):
        own = {one.name: one for one in msgspec.structs.fields(kind) if one.name not in event.ENVELOPE}
        said = {name: one.default for name, one in own.items() if one.default not in (None, msgspec.NODEFAULT)}
        row = ORDER | {"id": event.tag(kind), "kind": event.tag(kind), "occurred_at": at}
        rows += [{name: value for name, value in row.items() if name not in said}, row | said] if said else []
    with History(write(tmp_path / "h.jsonl", rows)) as history:
        found = history.forecast([US]).uncounted
    assert {why: one.events for why, one in found.items()} == {"repeated": len(rows) // 2} and rows


@pytest.mark.usefixtures("here")
def test_what_repeats_word_for_word_is_said_and_sent(
    live: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["replay", str(write(tmp_path / "h.jsonl", TWICE))]) == 0
    assert "1 of 2 events repeat another one: each counts once." in capsys.readouterr().err

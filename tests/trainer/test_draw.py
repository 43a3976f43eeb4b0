"""Rows under a budget: drawn evenly over customers and weeks, and each with the values that it would have had."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from scv.targets import target
from tests.parity import lakes
from tests.parity.test_known_then_training import BERLIN, COMPLETE, CUSTOMERS, REFERENCES, TARGETS
from trainer import past
from trainer.draw import Draw, numbers

FIRST = datetime(2017, 1, 3, tzinfo=UTC)
WEEKS = [FIRST + timedelta(days=7 * k) for k in range(52)]
NOBODY = pa.table({"customer_id": pa.array([], pa.string()), "week": pa.array([], pa.int64())})
PEOPLE = [f"c{i}" for i in range(400)]


def _drawn(most: int, seed: int) -> tuple[float, set[tuple[str, int]]]:
    draw, dice = Draw(most, NOBODY), random.Random(seed)
    for week in dice.sample(range(len(WEEKS)), len(WEEKS)):
        people = dice.sample(PEOPLE, len(PEOPLE))
        draw.add(pa.table({"customer_id": people, "week": [week] * len(people)}), WEEKS[week])
    table = draw.table
    return draw.share, set(zip(table["customer_id"].to_pylist(), table["week"].to_pylist(), strict=True))


def test_few_enough_are_all_taken_and_none_are_none() -> None:
    assert _drawn(len(PEOPLE) * len(WEEKS), 1)[0] == 1.0
    assert Draw(10, NOBODY).table.equals(NOBODY)


@pytest.mark.parametrize("most", [12_000, 6_000, 2_000])
def test_a_draw_is_of_the_rows_alone(most: int) -> None:
    share, rows = _drawn(most, 1)
    assert (share, rows) == _drawn(most, 2)
    assert most / 2 < len(rows) <= most, "as many as may be, by halves"


def test_each_customer_and_each_week_gives_its_share() -> None:
    share, rows = _drawn(len(PEOPLE) * len(WEEKS) // 4 + 500, 1)
    assert share == 0.25
    of_week = np.bincount([week for _, week in rows])
    assert of_week.min() > 70 and of_week.max() < 130, "of 400"
    for one in PEOPLE:
        weeks = sorted(week for name, week in rows if name == one)
        assert 11 <= len(weeks) <= 15 and max(np.diff(weeks)) <= 5, "evenly over the year"


def test_a_number_is_that_of_the_customer_and_the_week() -> None:
    found = numbers(PEOPLE, FIRST)
    assert found.min() >= 0 and found.max() < 1
    assert numbers(PEOPLE[7:8], FIRST)[0] == found[7]
    assert not np.any(numbers(PEOPLE, WEEKS[1]) == found)


def test_a_past_that_is_drawn_has_the_values_of_the_whole_one(tmp_path: Path) -> None:
    sea = lakes.fill(tmp_path / "lake", BERLIN, 3, CUSTOMERS, COMPLETE)
    config = sea.settings(tmp_path / "home")
    wanted = [target.get(name) for name in TARGETS]
    with past.read(config, BERLIN, wanted, COMPLETE, first=REFERENCES[0]) as whole:
        assert whole.share == 1.0 and len(whole.table) > CUSTOMERS
        rows = {str(row) for row in whole.table.to_pylist()}
    tight = msgspec.structs.replace(config, train_rows=CUSTOMERS)
    with past.read(tight, BERLIN, wanted, COMPLETE, first=REFERENCES[0]) as part:
        assert part.share < 1 and 0 < len(part.table) <= CUSTOMERS
        assert {str(row) for row in part.table.to_pylist()} < rows
        drawn = part.rows(target.get("return"))
        assert drawn.share == part.share and len(drawn) > 0

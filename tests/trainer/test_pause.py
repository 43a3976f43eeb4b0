"""`pause` as a training set: its weekday says which box is asked about and is no column, the time left is one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest

from proof.naive import world
from proof.naive.sides import SqlSide
from scv.events.calendar import midnight, tuesdays
from scv.features.fetcher import get
from scv.features.layout import layout_of
from scv.model.column import Column
from scv.offline import batch
from scv.targets import labels, target
from tests.scv_model.test_box import country
from tests.trainer.conftest import Make
from trainer.dataset import TrainingSet, training_set
from trainer.leak import alarms
from trainer.words import OUTCOME, about

PAUSE = target.get("pause")
WHERE = country("Europe/Berlin", 5)


@pytest.fixture(scope="module")
def asked() -> TrainingSet:
    """Every Tuesday of a year of a dirty world."""
    made = world.make(3, "subscription", WHERE, customers=60, events_each=60)
    at = [midnight(day, WHERE.zone) for day in tuesdays(date(2016, 3, 1), date(2017, 3, 1))]
    with SqlSide(made.records, "subscription", WHERE) as sql:
        table = batch.fold(sql.connection, "admitted", layout_of(get("lifecycle")), WHERE, at)
        named = table.rename_columns([*table.column_names[:3], *(f"lifecycle__{n}" for n in table.column_names[3:])])
        outcomes = labels.prepare(sql.connection, {"subscription": sql.query}, WHERE)
        full = named.append_column("orders__days_since", pa.nulls(len(named), pa.int64()))
        return training_set(full, PAUSE, outcomes, world.local(date(2018, 1, 1), WHERE))


def test_every_row_ended_in_one_of_three_ways(asked: TrainingSet) -> None:
    assert set(asked.outcomes) == {"box", "pause", "cancelled"}
    assert sum(asked.outcomes.values()) == len(asked)
    assert asked.outcomes["pause"] == asked.positives > 20
    assert set(asked.removed) <= {"ended involuntarily", "erased"} and asked.removed


def test_the_model_sees_the_time_left_and_not_the_weekday(asked: TrainingSet) -> None:
    names = [one.name for one in asked.columns]
    assert "lifecycle__cut_off_in" in names and "lifecycle__delivery_weekday" not in names
    left = asked.matrix[:, names.index("lifecycle__cut_off_in")]
    assert set(left) == {1, 2, 3, 4, 5, 6, 7}


def test_its_exposure_may_stay_the_same_but_may_not_know_the_answer(make: Make) -> None:
    """A column that never changes for a customer and tells a good deal: an alarm unless it is the target's exposure."""
    rows = make(weeks=16, customers=500, base=-3.5)
    share = np.bincount(rows.customers, rows.y) / np.bincount(rows.customers)
    still = (share > np.quantile(share, 0.6)).astype(float)[rows.customers]
    column = Column(name="lifecycle__cut_off_in", dtype="int", fingerprint="")
    told = replace(rows, columns=(*rows.columns, column), matrix=np.column_stack([rows.matrix, still]))
    assert [one.column for one in alarms(told)] == ["lifecycle__cut_off_in"]
    assert alarms(replace(told, target=PAUSE)) == []
    answer = replace(told, target=PAUSE, matrix=np.column_stack([rows.matrix, rows.y]))
    assert [one.why for one in alarms(answer)] == ["too good to be known before"]


def test_every_target_has_words() -> None:
    assert set(OUTCOME) == set(target.TARGETS)
    assert "open box" in " ".join(about(WHERE, PAUSE))

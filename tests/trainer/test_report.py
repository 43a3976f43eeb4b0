"""What a report says beyond figures: where a model is right, what columns do, what moved, what more data would do."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from scv.fetchers import roles
from scv.offline.lake_version import LakeVersion
from tests.trainer.conftest import Make
from trainer.assembly import assemble
from trainer.dataset import TrainingSet
from trainer.drift import SCORE, drifts
from trainer.learning import learning
from trainer.recipe import DEFAULT, Recipe
from trainer.report import TENURES, contributions, segments
from trainer.splits import judged

QUICK = Recipe(rounds=40)


def test_segments_are_phases_and_weeks_since_the_first_order(rows: TrainingSet) -> None:
    assert list(segments(rows)) == ["phase"]
    tenure = msgspec.structs.replace(rows.columns[0], name=roles.FIRST_ORDER)
    days = np.resize([0, 91, 92, 182, 183, 364, 365, np.nan], len(rows))
    known = replace(rows, columns=(tenure, *rows.columns[1:]), matrix=np.column_stack([days, rows.matrix[:, 1:]]))
    assert segments(known)["tenure"][:8].tolist() == [*[one for one in TENURES for _ in "12"][:7], "unknown"]


def test_a_column_that_moved_comes_before_those_that_did_not(rows: TrainingSet) -> None:
    said = np.random.default_rng(3).uniform(0.1, 0.4, len(rows))
    still = drifts(rows, said)
    assert still[0].name == SCORE
    assert max(one.psi for one in still) < 0.1
    late = np.isin(rows.at_us, rows.references[-4:])
    matrix = rows.matrix.copy()
    matrix[late, 3] *= 3
    matrix[late & (np.arange(len(rows)) % 2 == 0), 2] = np.nan
    found = {one.name: one for one in drifts(replace(rows, matrix=matrix), np.where(late, 2, 1) * said)}
    names = list(found)
    assert names[0] == SCORE and set(names[1:3]) == {rows.columns[3].name, rows.columns[2].name}
    assert all(found[name].psi > 0.25 for name in names[:3])
    assert found[rows.columns[2].name].missing == pytest.approx((0, 0.5), abs=0.01)
    before, now = found[rows.columns[3].name].medians
    assert now == pytest.approx(3 * before, rel=0.15)


def test_nothing_drifts_in_a_history_of_a_month(make: Make) -> None:
    short = make(weeks=4)
    assert drifts(short, np.full(len(short), 0.3)) == []


def test_more_customers_help_where_each_tells_something_of_all(make: Make) -> None:
    rows = make(weeks=24, customers=300)
    by_customers, by_weeks = learning(QUICK, rows, judged(rows)[-1])
    assert (by_customers.of, by_weeks.of) == ("customers", "weeks")
    for one in (by_customers, by_weeks):
        assert list(one.rows) == sorted(one.rows) and len(one.rows) == len(one.losses) == 4
        assert one.losses[-1] < one.losses[0], "an eighth knows less"
    assert by_customers.losses[-1] == by_weeks.losses[-1], "all is all"
    assert by_customers.gained is not None
    assert f"{by_customers.gained.value:+.4f}" in by_customers.sentence
    assert ("would help" in by_customers.sentence) == (by_customers.gained.high < 0)


def test_too_few_to_halve_are_told(make: Make) -> None:
    few = make(weeks=20, customers=20)
    found = learning(QUICK, few, judged(few)[-1])
    assert all(one.gained is not None or "too few" in one.sentence for one in found)
    assert all(len(one.rows) >= 1 for one in found)


def test_what_a_column_adds_follows_the_truth(rows: TrainingSet) -> None:
    """The risk rises with days since the last order, and nothing else of the first columns matters."""
    made = assemble(DEFAULT, rows, rows.label_as_of, LakeVersion({}), 1, {})
    matrix, added = contributions(made)
    silent = np.argsort(matrix[:, 0])
    low, high = added[silent[: len(silent) // 4], 0].mean(), added[silent[-len(silent) // 4 :], 0].mean()
    assert low < -0.2 and high > 0.2
    assert abs(added.mean(axis=0)).max() < 1e-9

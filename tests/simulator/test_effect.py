"""The effect of contact in worlds where it is known; `make effect` does the same in a hundred and more."""

from __future__ import annotations

import numpy as np
import pytest

from proof.effect import saved as saving
from proof.effect.__main__ import Season, hindsight, judged, naive, season
from proof.effect.campaign import TUESDAYS, WEEKS, ListedRows, rows
from proof.world.world import World
from scorer.feedback.outcomes import first_listed
from scorer.feedback.validation import held_out
from scv.events import country

CUSTOMERS = 1500


@pytest.fixture(scope="module")
def world() -> World:
    return World(country.load("ZZ"), CUSTOMERS, WEEKS, 3)


@pytest.fixture(scope="module")
def lot(world: World) -> ListedRows:
    return rows(world)


def test_who_is_held_out_is_never_called_and_the_others_mostly(lot: ListedRows) -> None:
    assert not lot.called[lot.held_out].any() and lot.called[~lot.held_out].mean() > 0.8
    assert set(lot.week.tolist()) == set(range(TUESDAYS)) and set(lot.y.tolist()) == {0.0, 1.0}


def test_up_to_the_first_list_two_arms_are_one_life(world: World) -> None:
    arms = [rows(world, arm) for arm in ("everybody called", "everybody held out")]  # type: ignore[arg-type]
    first = [one.customers[one.week == 0] for one in arms]
    assert first[0].tolist() == first[1].tolist()
    later = [len(one.customers) for one in arms]
    assert later[0] < later[1], "who was called is quiet, who was held out stands there again"


def test_each_customer_counts_once_a_season_by_the_first_tuesday(lot: ListedRows) -> None:
    past = hindsight(lot)
    first = first_listed(past)
    assert len(np.unique(lot.customers[first])) == first.sum() == len(np.unique(lot.customers))
    for customer in np.unique(lot.customers)[:50]:
        mine = lot.customers == customer
        assert lot.week[mine & first].tolist() == [lot.week[mine].min()]
    found = held_out(past)
    assert found is not None and found.listed + found.held_out == first.sum()


def test_what_a_call_saves_is_told_by_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "SHOPS", 2)
    monkeypatch.setattr(saving, "OTHERS", 1)
    calls = [saving.saved(seed, CUSTOMERS) for seed in (1, 2)]
    for one in calls:
        nothing = one["calls help nobody"]
        assert (nothing.by_risk, nothing.by_boxes, nothing.by_saved) == (0, 0, 0)
        assert one["calls help everybody"].by_risk > 0 and one["calls help the new"].by_risk > 0
    found = list(saving.worth(calls))
    assert len(found) == 3 * len(saving.WORLDS)
    assert all(row.ok is None for row in found if "page calls" in row.name and "nobody" not in row.name)
    assert [row.ok in (True, False) for row in found if "beside by risk" in row.name] == [True, True, False]


def test_the_table_tells_a_sure_interval_from_a_wrong_one() -> None:
    seasons: list[Season] = [season(seed, CUSTOMERS) for seed in (1, 2, 3)]
    found = {row.name: row for row in judged(seasons)}
    assert found["the true effect of a call on cancellation, by twins"].ours < -0.01  # type: ignore[operator]
    assert {row.ok for row in found.values() if row.bar} <= {True, False}
    value, error = naive(rows(World(country.load("ZZ"), CUSTOMERS, WEEKS, 1)))
    assert value < 0 < error

"""Who is asked and where a customer stands, at the edges that the settings name."""

from __future__ import annotations

import pytest

from scv.events.country import Country
from scv.features.array import Features
from scv.targets import target
from scv.targets.phase import PHASES, phase
from scv.targets.population import ALREADY_CANCELLED, TERM_OVER


def orders(silent: int | None, tenure: int | None) -> Features:
    return {"orders__days_since": [silent], "orders__tenure": [tenure]}


@pytest.mark.parametrize(
    ("silent", "tenure", "expected"),
    [
        (0, 34, "new"),
        (0, 35, "established"),
        (28, 28, "new"),
        (28, 90, "established"),
        (29, 90, "dormant"),
        (29, 30, "dormant"),
        (365, 365, "dormant"),
        (366, 366, "left"),
        (None, None, "left"),
    ],
)
def test_derived_phases(us: Country, silent: int | None, tenure: int | None, expected: str) -> None:
    assert phase(orders(silent, tenure), us).tolist() == [expected]


@pytest.mark.parametrize("state", ["started", "resumed", "reactivated"])
@pytest.mark.parametrize(("tenure", "expected"), [(34, "new"), (35, "established")])
def test_a_subscription_runs_however_it_came_to_run(zz: Country, state: str, tenure: int, expected: str) -> None:
    features: Features = {"lifecycle__state": [state], "lifecycle__tenure": [tenure]}
    assert phase(features, zz).tolist() == [expected]
    assert expected in PHASES


def test_a_cancellation_of_unknown_date_is_no_recent_one(zz: Country) -> None:
    features: Features = {
        "lifecycle__state": ["cancelled", "cancelled"],
        "lifecycle__days_in_state": [None, 30],
    }
    found = target.get("reactivation").not_applicable(features, zz).tolist()
    assert found == ["over for longer than 365 days", ""]


@pytest.mark.parametrize("name", ["lapse", "skip"])
def test_nobody_gets_a_lapse_for_a_subscription_that_is_known_to_have_ended(
    us: Country, zz: Country, name: str
) -> None:
    """Where cancellations are recorded; elsewhere the column says nothing."""
    states = ["cancelled", "ending", "ended", "started", "paused"]
    features: Features = {"lifecycle__state": states, "orders__days_since": [3] * 5}
    assert (zz.basis, us.basis) == ("recorded", "derived")
    reasons = [ALREADY_CANCELLED, ALREADY_CANCELLED, TERM_OVER, "", ""]
    assert target.get(name).not_applicable(features, zz).tolist() == reasons
    assert target.get(name).not_applicable(features, us).tolist() == [""] * 5

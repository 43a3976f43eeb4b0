"""A choice of `make faults`, one fault after another on one deployment of the real parts (`make test-real`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import rivals
from tests.faults import scenario as faults
from tests.faults.__main__ import PLACES
from tests.faults.rivals import RIVALRIES, Rivalry
from tests.faults.scenario import SCENARIOS, Scenario
from tests.faults.stage import Stage
from tests.faults.trial import attempt


def some(stage: Stage, trials: int) -> int:
    """Members killed, a zombie, a store that comes back empty, and a broker that does not answer for a while."""
    made = faults.killed(stage, trials)
    for one in (faults.zombies, faults.store_emptied, faults.broker_killed):
        stage.recovered()
        made += one(stage, 1)
    return made


@pytest.mark.real
@pytest.mark.timeout(240)
def test_some_faults_on_the_real_parts_lose_and_double_nothing(tmp_path: Path) -> None:
    outcome = attempt(Scenario("some", some, 4, 4), *PLACES["real"], tmp_path / "home", short=True)
    verdict = outcome.verdict
    assert (verdict.lost, verdict.dup, verdict.wrong) == (0, 0, 0), verdict.said
    assert verdict.compared > 5_000 < verdict.arrivals * 10 and outcome.trials == 7
    assert outcome.mute == []


@pytest.mark.real
@pytest.mark.timeout(240)
@pytest.mark.parametrize("rivalry", RIVALRIES.values(), ids=lambda one: one.name)
def test_commands_killed_beside_each_other_or_without_room_leave_nothing_half(rivalry: Rivalry, tmp_path: Path) -> None:
    outcome = rivals.attempt(rivalry, tmp_path / "home", short=True)
    verdict = outcome.verdict
    assert (verdict.lost, verdict.dup, verdict.wrong) == (0, 0, 0), verdict.said
    assert verdict.compared > 30 and verdict.arrivals > 1 <= outcome.trials and outcome.mute == []


def test_every_fault_is_tried_on_the_real_parts_and_the_whole_run_has_trials_enough() -> None:
    total = sum(one.trials * (1 if one.keeps_log else 2) for one in SCENARIOS.values())
    total += sum(one.trials for one in RIVALRIES.values())
    assert total >= 300 and all(one.few >= 1 for one in (SCENARIOS | RIVALRIES).values())

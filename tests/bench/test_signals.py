"""What of an invented customer's chances events show: shares of the truth's gain, and the bench that measures them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest
from sklearn.metrics import log_loss

from bench.signals import signal
from bench.signals.__main__ import expected_loss, judge, share
from bench.signals.rows import SignalRows
from proof import figures
from proof.world.hazards import hazards
from proof.world.life import live
from proof.world.subscribers import GONE, Subscribers
from proof.world.world import World
from scv.events import country

ROOT = Path(__file__).parents[2]
ZZ = country.load("ZZ")
MOVE_NOTHING = {"number", "joins", "enters", "weekday", "box", "method", "prepaid", "anew", "switches", "second"}
"""Who a customer is to us, and how he will come and go: no chance of leaving is drawn from it."""
UNDER_WAY = {"coming", "settling", "consent"}
"""Marks that are not yet made."""


def rows(count: int = 6000, seed: int = 5) -> SignalRows:
    """A world in which events show one of two things that move people, and half of the rows are judged."""
    random = np.random.default_rng(seed)
    shown, hidden = random.normal(size=(2, count))
    latent = {one.name: np.zeros((count, 1)) for one in signal.SIGNALS}
    latent |= {"stage of life": shown[:, None], "mood": hidden[:, None]}
    true = 1 / (1 + np.exp(2 - shown - hidden))
    said = 1 / (1 + np.exp(1.9 - 0.8 * shown))
    ones = np.ones(count)
    return SignalRows(true, ones, shown[:, None], latent, said, ones > 0, np.arange(count) % 2 == 0)


def test_the_truth_gains_all_and_the_mean_nothing() -> None:
    made, everyone = rows(), np.ones(6000, dtype=bool)
    assert share(made, made.true, everyone) == pytest.approx(1)
    assert share(made, np.full(len(made), made.true.mean()), everyone) == pytest.approx(0)
    assert 0.2 < share(made, made.said, everyone) < 0.8


def test_the_expected_loss_is_that_of_many_outcomes() -> None:
    true, said = np.array([0.1, 0.7]), np.array([0.2, 0.6])
    y = (np.random.default_rng(1).random((200_000, 2)) < true).astype(int)
    assert expected_loss(true, said) == pytest.approx(log_loss(y.ravel(), np.tile(said, len(y))), abs=0.003)


def test_a_champion_is_judged_by_what_events_show_and_not_by_what_they_hide() -> None:
    found = {row.name: row for row in judge(rows(), "leaving", rounds=60)}
    assert found["leaving: champion"].ok and found["leaving, new customers: champion"].ok
    assert found["leaving: everything latent"].ours > 1.5 * found["leaving: what events show"].ours  # type: ignore[operator]
    assert float(str(found["leaving: mood (never shown), added to our variables"].ours)) > 0.2
    assert float(str(found["leaving: stage of life (shown), added to our variables"].ours)) < 0.05


def test_a_champion_that_knows_nothing_misses() -> None:
    made = rows()
    blind = SignalRows(**{one.name: getattr(made, one.name) for one in fields(made)} | {"said": np.full(6000, 0.2)})
    assert next(judge(blind, "leaving", rounds=20)).ok is False


def test_everything_that_moves_a_customer_is_in_a_signal() -> None:
    """A field added to the state is in a group, or named here as one that moves nothing."""
    ((s, week),) = signal.states(World(ZZ, 50, 12), 0, [9])
    told = {name for one in signal.SIGNALS for name in one.of(s, week)}
    renamed = {"since", "until", "ends", "ahead"}  # counted from the week's beginning, box by box
    assert {one.name for one in fields(Subscribers)} - told - renamed == MOVE_NOTHING | UNDER_WAY
    assert {"in_state", "pause_ends_in", "ends_in", "ahead0"} <= told


def test_states_are_those_that_the_world_was_made_from() -> None:
    world = World(ZZ, 300, 12)
    told = live(world, 0).truth
    for s, week in signal.states(world, 0, [3, 9]):
        at = told.filter(pc.equal(told["event_timestamp"], world.reference(week.number)))
        said = np.sort(np.array([one for one in at["reactivation"].to_pylist() if one is not None]))
        gone = np.sort(hazards(s, week).move[s.status == GONE])
        assert np.array_equal(said, gone)


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_bench_runs_in_small(tmp_path: Path) -> None:
    words = ["--customers", "400", "--rounds", "10", "--figures", str(tmp_path)]
    command = [sys.executable, "-m", "bench.signals", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=220)
    assert done.returncode == 0, done.stderr
    found = figures.read("signals", tmp_path)
    assert len(found) == 8 + 3 * len(signal.SIGNALS) and all(row.name in done.stdout for row in found)
    assert [row.name for row in found if row.ok is not None] == [
        "cancellation: champion",
        "cancellation, new customers: champion",
    ]

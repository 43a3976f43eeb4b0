"""The truth report: what it says of a truth, of a worse model and of one that has seen the answers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import cli
from proof.truth import judgement, page
from proof.truth.rows import TruthRows, weeks_judged
from proof.world.world import World
from scv.events import country
from scv.targets import target

ZZ = country.load("ZZ")


def rows(count: int = 4000, seed: int = 3) -> TruthRows:
    """Outcomes drawn from the truth itself."""
    random = np.random.default_rng(seed)
    true = random.beta(0.6, 4, count)
    return TruthRows(
        target=target.get("cancellation"),
        country=ZZ,
        customers=np.arange(count).astype(str),
        at_us=np.zeros(count, dtype=np.int64),
        y=(random.random(count) < true).astype(float),
        true=true,
        paths=400,
        phase=np.where(random.random(count) < 0.5, "new", "established").astype(object),
    )


def with_champion(said: np.ndarray, made: TruthRows) -> TruthRows:
    return dataclasses.replace(made, said=said, model="m")


def test_the_truth_is_calibrated_and_needs_no_champion() -> None:
    (everyone, *_) = judgement.judge(rows())
    assert everyone.truth.figures["ece"] <= everyone.truth.ece_bound and everyone.champion is None
    assert everyone.truth.log_loss.value < everyone.constant
    told = {figure.name: figure for figure in judgement.figures_of(rows(), [everyone])}
    assert told["ZZ cancellation: AUC"].ours is None and told["ZZ cancellation: AUC"].ok is None


def test_a_worse_model_stays_below_in_every_phase() -> None:
    made = rows()
    noise = np.random.default_rng(1).normal(0, 1.0, len(made))
    odds = np.log(made.true / (1 - made.true)) + noise
    slices = judgement.judge(with_champion(1 / (1 + np.exp(-odds)), made))
    assert [one.phase for one in slices] == ["", "new", "established"]
    for one in slices:
        assert one.worse is not None and one.worse.low > 0 and one.behind is not None and one.behind.high < 0
        assert one.explained is not None and 0 < one.explained < 1
    assert all(figure.ok is not False for figure in judgement.figures_of(made, slices))


def test_a_model_that_has_seen_the_answers_is_told() -> None:
    made = rows()
    slices = judgement.judge(with_champion(np.where(made.y == 1, 0.9, 0.02), made))
    told = {figure.name: figure.ok for figure in judgement.figures_of(made, slices)}
    assert told["ZZ cancellation: log loss"] is False and told["ZZ cancellation: AUC"] is False


def test_too_few_positives_say_nothing() -> None:
    made = dataclasses.replace(rows(), y=np.zeros(4000))
    assert judgement.judge(made) == []
    assert "too few" in page.page([(made, [])], "x")


def test_the_last_decided_weeks_are_judged() -> None:
    weeks = weeks_judged(World(ZZ, 10, 60), ZZ)
    assert weeks == list(range(49, 57)), "28 days before the end the last label is decided"


def test_the_command_prints_and_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    words = ["simulate", "--customers", "900", "--weeks", "20", "--report", "--sample", "600"]
    assert cli.main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("\tRows\t") and any("cancellation all: truth" in line for line in lines)
    (written,) = (tmp_path / "home" / "reports").glob("*.html")
    text = written.read_text()
    assert "data:image/png;base64," in text and "http" not in text.split("<body>")[1]
    figures = json.loads((tmp_path / "home" / "figures" / "truth.json").read_text())
    assert {figure["name"].split(":")[0] for figure in figures} >= {"ZZ cancellation"}
    assert [path.name for path in tmp_path.iterdir()] == ["home"], "nothing is written where a command happens to stand"


def test_a_report_of_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path))
    assert cli.main(["simulate", "--report", "--sample", "0"]) == 2
    assert "--sample 0" in capsys.readouterr().err

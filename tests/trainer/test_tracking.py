"""Trainings as runs of MLflow: what is in them, and that nothing about them stops a training."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from scv.events import country
from scv.model import bundle
from scv.settings import Settings
from scv.targets import target
from tests.trainer.test_train import FIRST, FROZEN, past_of
from trainer.tracking import address, figures, track
from trainer.train import Plan, Trained, train

US = country.load("US")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Trained]:
    settings = Settings(home=str(tmp_path_factory.mktemp("tracked") / "home"))
    past = past_of(FIRST, 23, FROZEN, FROZEN)
    return settings, train(settings, past, target.get("lapse"), Plan(trials=1))


def test_a_run_holds_recipe_figures_page_and_what_it_is_of(trained: tuple[Settings, Trained]) -> None:
    from mlflow import MlflowClient

    settings, done = trained
    assert done.path is not None
    run_id = track(settings, US, done, begun_us=1_500_000_000_000_000)
    assert run_id is not None and (settings.home_path / "mlflow.db").is_file()
    client = MlflowClient(address(settings))
    run = client.get_run(run_id)
    assert run.data.metrics == pytest.approx(dict(figures(done)))
    assert {"seconds/fit", "out_of_fold/log_loss", "gate/RFM_logistic/log_loss"} <= run.data.metrics.keys()
    assert run.data.params["leaves"] == str(done.recipe.leaves)
    assert run.data.tags["why"] == done.why and run.data.tags["promoted"] == "true"
    info = bundle.read_info(done.path)
    assert str(dict(info.stamp.definitions)) == run.data.tags["stamp.definitions"]
    assert len(run.data.tags["columns"].splitlines()) == len(info.columns)
    assert run.info.run_name == done.path.name and run.info.start_time == 1_500_000_000_000
    assert [one.path for one in client.list_artifacts(run_id)] == ["report.html"]


def test_weeks_lie_side_by_side_in_one_experiment(trained: tuple[Settings, Trained]) -> None:
    from mlflow import MlflowClient

    settings, done = trained
    made = {track(settings, US, done, 0), track(settings, US, done, 1)}
    client = MlflowClient(address(settings))
    experiment = client.get_experiment_by_name("US lapse")
    assert experiment is not None
    assert made <= {run.info.run_id for run in client.search_runs([experiment.experiment_id])}


@pytest.mark.parametrize(
    "uri",
    ["http://127.0.0.1:9", "sqlite:////proc/no/such.db", "postgresql://nobody@127.0.0.1:9/none", "nonsense://x"],
)
def test_what_cannot_be_reached_is_said_and_stops_nothing(uri: str, trained: tuple[Settings, Trained]) -> None:
    said: list[str] = []
    began = time.monotonic()
    assert track(Settings(home=trained[0].home, tracking=uri), US, trained[1], 0, said.append) is None
    assert len(said) == 1 and uri in said[0] and said[0].startswith("lapse: not recorded")
    assert time.monotonic() - began < 45


def test_none_records_nothing(trained: tuple[Settings, Trained], tmp_path: Path) -> None:
    settings = Settings(home=str(tmp_path / "home"), tracking="none")
    assert track(settings, US, trained[1], 0) is None
    assert not (tmp_path / "home").exists()

"""Every training as a run of MLflow: its recipe, figures, seconds and page, so that weeks can be laid side by side.

A record beside the bundles, never a part of them: nothing of ours reads it back, and a training succeeds without it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from scv.events.clock import wall_us
from scv.events.country import Country
from scv.model import bundle
from scv.settings import Settings
from scv.talk import say as talk
from scv.targets.target import Target
from trainer.past import Past
from trainer.train import SEARCH, Plan, Progress, Trained, silent, train

OFF = "none"
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # what a shop trains is nobody else's business
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
}
"""Unless the environment says otherwise."""
REPORT = "report.html"
LONGEST = 5000
"""Characters that MLflow keeps of a tag."""


def tracked(
    settings: Settings, past: Past, target: Target, plan: Plan = SEARCH, progress: Progress = silent
) -> Trained:
    """`train`, recorded."""
    begun_us = wall_us()
    done = train(settings, past, target, plan, progress)
    progress("recording", 0, 0)
    track(settings, past.country, done, begun_us)
    return done


def track(
    settings: Settings, country: Country, done: Trained, begun_us: int, say: Callable[[str], None] = talk
) -> str | None:
    """Record a training in `CEREBRO_TRACKING`: the run's id, or None where it is off or did not work, which is said.

    Experiments are named `COUNTRY TARGET`; `begun_us` is the instant when the training began. Never raises.
    """
    if settings.tracking == OFF:
        return None
    try:
        return _recorded(address(settings), settings, country, done, begun_us)
    except Exception as error:  # of a server, a database, a proxy or a library: none of them is worth a model
        where = settings.tracking or "HOME/mlflow.db"
        say(f"{done.target}: not recorded in {where} ({type(error).__name__}: {_first_line(error)}). It is trained.")
        return None


def address(settings: Settings) -> str:
    """The tracking URI."""
    return settings.tracking or f"sqlite:///{settings.home_path / 'mlflow.db'}"


def _recorded(uri: str, settings: Settings, country: Country, done: Trained, begun_us: int) -> str:
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, RunTag

    settings.home_path.mkdir(parents=True, exist_ok=True)
    client, name = MlflowClient(uri), f"{country.code} {done.target}"
    known = client.get_experiment_by_name(name)
    place = None if settings.tracking else (settings.home_path / "mlruns").as_uri()
    experiment = known.experiment_id if known else client.create_experiment(name, place)
    title = done.path.name if done.path and done.promoted else "not promoted"
    run = client.create_run(experiment, begun_us // 1000, run_name=title)
    now_ms = wall_us() // 1000
    client.log_batch(
        run.info.run_id,
        metrics=[Metric(key, value, now_ms, 0) for key, value in figures(done)],
        params=[Param(key, str(value)) for key, value in msgspec.to_builtins(done.recipe).items()],
        tags=[RunTag(key, value) for key, value in tags(country, done).items()],
    )
    if done.promoted and done.path and (done.path / REPORT).is_file():
        client.log_artifact(run.info.run_id, str(done.path / REPORT))
    client.set_terminated(run.info.run_id)
    return str(run.info.run_id)


def figures(done: Trained) -> Iterator[tuple[str, float]]:
    """Every number that a training came to, by a path of names that MLflow takes."""
    yield from _numbers("seconds", done.seconds)
    yield from _numbers("", done.figures)


def tags(country: Country, done: Trained) -> dict[str, str]:
    """What a run is of. Of a promoted one also what its bundle says of lake, code and columns."""
    found = {"country": country.code, "target": done.target, "promoted": str(done.promoted).lower(), "why": done.why}
    if not (done.promoted and done.path):
        return found
    info = bundle.read_info(done.path)
    stamp = {f"stamp.{key}": str(value) for key, value in msgspec.to_builtins(info.stamp).items()}
    columns = "\n".join(f"{one.name} {one.fingerprint}" for one in info.columns)
    more = {"bundle": str(done.path), "reference": info.reference.isoformat(), "columns": columns}
    return {key: value[:LONGEST] for key, value in (found | stamp | more).items()}


def _numbers(path: str, found: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for key, value in found.items():
        name = f"{path}/{key}".strip("/").replace("-", "_")
        if isinstance(value, Mapping):
            yield from _numbers(name, value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield name, float(value)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]

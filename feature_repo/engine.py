"""Feast's batch engine over our lake: `feast materialize` rebuilds rows by Rule R.4, beside live streams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import click
import duckdb
from feast.infra.common.materialization_job import MaterializationJobStatus, MaterializationTask
from feast.infra.compute_engines.local.compute import LocalComputeEngine
from feast.infra.compute_engines.local.job import LocalMaterializationJob
from feast.infra.registry.base_registry import BaseRegistry
from feast.repo_config import FeastConfigBaseModel

from feature_repo import home
from scv.events import country
from scv.features import fetcher
from scv.offline.lake import Lake
from scv.online.rebuild import Progress, Rebuilt, rebuild
from scv.settings import Settings
from store.client import client, reachable
from store.lock import locked

NOTE = (
    "Rows are folded from the whole lake: START and END select nothing. What the streams have already taken further "
    "is kept. Interrupted? Run it again."
)


class RebuildEngineConfig(FeastConfigBaseModel):
    """`batch_engine` in feature_store.yaml. Without settings they are those of the process."""

    type: Literal["feature_repo.engine.RebuildEngine"] = "feature_repo.engine.RebuildEngine"
    settings: Settings | None = None


class RebuildEngine(LocalComputeEngine):
    """The plug-in. Each view is rebuilt for every country from the newest lake version, in chunks, with a live bar.

    A row is written if it is absent or behind the lake; so it never goes backwards, and running again resumes.
    """

    def __init__(self, settings: Settings | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._settings = settings
        self._noted = False

    def _materialize_one(
        self, registry: BaseRegistry, task: MaterializationTask, **kwargs: Any
    ) -> LocalMaterializationJob:
        name = task.feature_view.name
        try:
            if not self._noted:
                click.echo(NOTE, err=True)
                self._noted = True
            done = self._rebuild(name, task.tqdm_builder)
        except Exception as error:  # Feast raises it again
            return LocalMaterializationJob(job_id=name, status=MaterializationJobStatus.ERROR, error=error)
        click.echo(f"{name}: {done.rows} rows, {done.written} written, {done.kept} kept", err=True)
        return LocalMaterializationJob(job_id=name, status=MaterializationJobStatus.SUCCEEDED)

    def _rebuild(self, name: str, tqdm_builder: Callable[[int], Any] | None) -> Rebuilt:
        settings = self._settings or home.settings()
        countries = country.known(settings.countries_path)
        limits = {"threads": settings.threads, "memory_limit": settings.memory}
        with (
            reachable(settings),
            client(settings) as connected,
            locked(connected, "epoch"),
            duckdb.connect(config=limits) as connection,
            feast_bar(tqdm_builder) as progress,
        ):
            lake, chosen = Lake(settings.lake_path), fetcher.get(name)
            return rebuild(connected, lake, countries, [chosen], progress, connection)


@contextmanager
def feast_bar(build: Callable[[int], Any] | None) -> Iterator[Progress]:
    """Feast's progress bar, drawn from the first report of done and total."""
    bars: list[Any] = []

    def move(done: int, total: int) -> None:
        if build is not None and not bars:
            bars.append(build(total))
        for bar in bars:
            bar.update(done - bar.n)

    try:
        yield move
    finally:
        for bar in bars:
            bar.close()

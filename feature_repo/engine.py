"""Feast's batch engine over our lake: `feast materialize` rebuilds rows by Rule R.4, beside live streams."""

from __future__ import annotations

from collections.abc import Callable
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
from scv.online.rebuild import Rebuilt, rebuild
from scv.settings import Settings
from store.client import client, reachable
from store.lock import Lock

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
            self._note()
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
            Lock(connected, "epoch"),
            duckdb.connect(config=limits) as connection,
            FeastBar(tqdm_builder) as bar,
        ):
            lake, chosen = Lake(settings.lake_path), fetcher.get(name)
            return rebuild(connected, lake, countries, [chosen], bar.move, connection)

    def _note(self) -> None:
        if not self._noted:
            click.echo(NOTE, err=True)
            self._noted = True


class FeastBar:
    """Feast's progress bar, drawn from the first report of done and total."""

    def __init__(self, tqdm_builder: Callable[[int], Any] | None) -> None:
        self._build = tqdm_builder
        self._bar: Any = None

    def __enter__(self) -> FeastBar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def move(self, done: int, total: int) -> None:
        """So many of so many are done."""
        if self._bar is None and self._build is not None:
            self._bar = self._build(total)
        if self._bar is not None:
            self._bar.total = total
            self._bar.update(done - self._bar.n)

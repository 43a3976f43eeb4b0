"""Fetching: every fetcher of countries at references, from one version of the lake; families in parallel, and each
family's arrivals are admitted once for all of its fetchers.

`fetch` writes whole snapshots. `look` gives tables and writes nothing: some fetchers alone make no snapshot.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa

from scv import machine
from scv.errors import CerebroError
from scv.events import calendar
from scv.events.country import Country
from scv.features import fetcher
from scv.features.fetcher import Fetcher
from scv.features.layout import layout_of
from scv.offline import batch, snapshot
from scv.offline.draft import draft
from scv.offline.lake import Lake, LakeVersion
from scv.offline.snapshot import SnapshotManifest, Snapshots
from scv.settings import Settings

Wanted = Mapping[Country, Sequence[datetime]]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Job:
    """Fetchers over one family of a country, at all of its references."""

    country: Country
    family: str
    fetchers: tuple[type[Fetcher], ...]
    references: tuple[datetime, ...]
    lake: Lake
    version: LakeVersion


@dataclass(frozen=True)
class Done:
    """What became of one of a job's fetchers: rows per reference, or the error's text.

    `files` are the hashes of what `fetch` wrote, `tables` what `look` found.
    """

    job: Job
    fetcher: str
    rows: Mapping[datetime, int] = field(default_factory=dict)
    files: Mapping[datetime, str] = field(default_factory=dict)
    tables: Mapping[datetime, pa.Table] = field(default_factory=dict)
    error: str = ""


def fetch(
    settings: Settings,
    wanted: Wanted,
    workers: int = 1,
    version: LakeVersion | None = None,
    progress: Progress = lambda done, total: None,
) -> list[Done]:
    """Write the snapshots of every country × reference, families in parallel; one fetcher's failure stops no other.

    All read one lake version. `workers` share the settings' threads and memory. `progress` hears (fetchers done, of
    all). The snapshots of a country are published where all its fetchers went well, otherwise the old ones stay.
    """
    root, pinned = settings.snapshots_path, version or Lake(settings.lake_path).version()
    jobs = _jobs(settings, wanted, fetcher.collect().values(), pinned)
    with draft(root) as drafted:
        for country in wanted:
            snapshot.sweep(root, country, pinned)
        done = _all(settings, jobs, workers, progress, drafted)
        for country in wanted:
            mine = [one for one in done if one.job.country == country]
            if not any(one.error for one in mine):
                _publish(root, drafted, country, mine)
    return done


def ensure(settings: Settings, snapshots: Snapshots, references: Sequence[datetime], workers: int = 1) -> None:
    """Fetch those snapshots of a country that are missing or may not be used, from the lake's version that judged them.

    Raises CerebroError, naming each fetcher that failed.
    """
    country = snapshots.country
    missing = [at for at in references if snapshots.why_not(at)]
    done = fetch(settings, {country: missing}, workers, snapshots.version) if missing else []
    failed = [f"{one.fetcher}: {one.error}" for one in done if one.error]
    if failed:
        when = ", ".join(calendar.label(at, country) for at in missing)
        raise CerebroError(f"No snapshot of {country.code} at {when}: {'; '.join(failed)}.")


def look(
    settings: Settings,
    wanted: Wanted,
    fetchers: Iterable[type[Fetcher]],
    workers: int = 1,
    progress: Progress = lambda done, total: None,
) -> list[Done]:
    """The tables of some fetchers, as `fetch` would write them; no file is touched."""
    jobs = _jobs(settings, wanted, fetchers, Lake(settings.lake_path).version())
    return _all(settings, jobs, workers, progress)


def _jobs(settings: Settings, wanted: Wanted, fetchers: Iterable[type[Fetcher]], version: LakeVersion) -> list[Job]:
    lake, chosen = Lake(settings.lake_path), list(fetchers)
    families = {one.family: tuple(each for each in chosen if each.family == one.family) for one in chosen}
    return [
        Job(country, family, mine, tuple(dict.fromkeys(references)), lake, version)
        for country, references in wanted.items()
        for family, mine in families.items()
    ]


def _all(
    settings: Settings, jobs: Sequence[Job], workers: int, progress: Progress, drafted: Path | None = None
) -> list[Done]:
    """What became of the jobs' fetchers, as the jobs ended."""
    done, total = list[Done](), sum(len(job.fetchers) for job in jobs)
    limits = {"threads": settings.threads, "memory_limit": settings.memory}
    # Threads, not processes: DuckDB and Arrow work outside the interpreter's lock, and nothing is copied.
    with duckdb.connect(config=limits) as database, ThreadPoolExecutor(workers) as pool:
        tasks = [functools.partial(_run, database.cursor(), job, drafted) for job in jobs]
        ended: Iterable[list[Done]] = (task() for task in tasks)
        if workers > 1:
            ended = map(Future.result, as_completed([pool.submit(task) for task in tasks]))
        try:
            for results in ended:
                done += results
                progress(len(done), total)
        finally:
            pool.shutdown(cancel_futures=True)
    return done


def _run(connection: duckdb.DuckDBPyConnection, job: Job, drafted: Path | None) -> list[Done]:
    """Admit a family's arrivals and fold its fetchers: into files in a draft, or into tables where there is none."""
    with connection:
        try:
            batch.admit(connection, job.lake.query(job.family, job.country, job.version), job.country, "admitted")
        except Exception as error:  # whatever it is, the other families go on and the caller is told
            return [Done(job, one.name, error=_words(error)) for one in job.fetchers]
        return [_done(connection, job, one, drafted) for one in job.fetchers]


def _done(connection: duckdb.DuckDBPyConnection, job: Job, chosen: type[Fetcher], drafted: Path | None) -> Done:
    """One fetcher of a job at all its references."""
    try:
        table = fold(connection, job, chosen)
        tables = {at: _at(table, at) for at in job.references}
        rows = {at: len(one) for at, one in tables.items()}
        if drafted is None:
            return Done(job, chosen.name, rows, tables=tables)
        paths = {at: snapshot.path_of(drafted, chosen.name, job.country, at) for at in tables}
        files = {at: snapshot.write(one, paths[at]) for at, one in tables.items()}
        return Done(job, chosen.name, rows, files)
    except Exception as error:  # as above
        return Done(job, chosen.name, error=_words(error))


def _words(error: Exception) -> str:
    return str(machine.translate(error) or f"{type(error).__name__}: {error}")


def fold(connection: duckdb.DuckDBPyConnection, job: Job, chosen: type[Fetcher]) -> pa.Table:
    """A fetcher's table of what was admitted: one row per reference and customer."""
    return batch.fold(connection, "admitted", layout_of(chosen), job.country, job.references)


def _at(table: pa.Table, at: datetime) -> pa.Table:
    instant = pa.scalar(at, pa.timestamp("us", tz="UTC"))
    return table.filter(pa.compute.equal(table["event_timestamp"], instant)).combine_chunks()


def _publish(root: Path, drafted: Path, country: Country, done: Sequence[Done]) -> None:
    job = done[0].job
    made, complete_to = snapshot.made_of(country, job.version), job.lake.complete_to(country.code, job.version)
    for at in job.references:
        files = {one.fetcher: one.files[at] for one in done}
        manifest = SnapshotManifest(
            country=country.code,
            reference=calendar.label(at, country),
            at=at,
            rows={one.fetcher: one.rows[at] for one in done},
            stamp=msgspec.structs.replace(made, complete_to=complete_to, files=files),
        )
        snapshot.publish(root, drafted, manifest)

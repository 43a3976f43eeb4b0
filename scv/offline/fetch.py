"""Fetching: every fetcher of countries at references, folded in parallel from one version of the lake.

`fetch` writes whole snapshots. `look` gives tables and writes nothing: some fetchers alone make no snapshot.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

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
    """One cell of the grid: a fetcher of a country at all of its references; `limits` are DuckDB's."""

    country: Country
    fetcher: str
    references: tuple[datetime, ...]
    lake: Lake
    version: LakeVersion
    limits: dict[str, Any]


@dataclass(frozen=True)
class Done:
    """What became of a job: rows per reference, or the error's text.

    `files` are the hashes of what `fetch` wrote, `tables` what `look` found.
    """

    job: Job
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
    """Write the snapshots of every country × reference, all fetchers in parallel; one failure stops no other.

    All cells read one lake version. `workers` share the settings' threads and memory. `progress` hears (cells done,
    of all). The snapshots of a country are published where all its fetchers went well, otherwise the old ones stay.
    """
    root, pinned = settings.snapshots_path, version or Lake(settings.lake_path).version()
    jobs = _jobs(settings, wanted, fetcher.collect().values(), pinned, workers)
    with draft(root) as drafted:
        for country in wanted:
            snapshot.sweep(root, country, pinned)
        done = _all(lambda job: _run(job, drafted), jobs, workers, progress)
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
    failed = [f"{one.job.fetcher}: {one.error}" for one in done if one.error]
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
    jobs = _jobs(settings, wanted, fetchers, Lake(settings.lake_path).version(), workers)
    return _all(_run, jobs, workers, progress)


def _jobs(
    settings: Settings, wanted: Wanted, fetchers: Iterable[type[Fetcher]], version: LakeVersion, workers: int
) -> list[Job]:
    lake, chosen = Lake(settings.lake_path), list(fetchers)
    limits = {"threads": max(1, settings.threads // workers), "memory_limit": _share(settings.memory, workers)}
    return [
        Job(country, one.name, tuple(dict.fromkeys(references)), lake, version, limits)
        for country, references in wanted.items()
        for one in chosen
    ]


def _share(memory: str, workers: int) -> str:
    """A worker's part of DuckDB's memory cap.

    >>> _share("4GB", 16)
    '0.25GB'
    """
    found = re.fullmatch(r"\s*([0-9.]+)\s*([A-Za-z]+)\s*", memory)
    return f"{float(found[1]) / workers:g}{found[2]}" if found else memory


def _all(run: Callable[[Job], Done], jobs: Sequence[Job], workers: int, progress: Progress) -> list[Done]:
    """What became of the jobs, as they ended."""
    done, ended, pool = [], map(run, jobs), ThreadPoolExecutor(workers)
    # Threads, not processes: DuckDB and Arrow work outside the interpreter's lock, and nothing is copied.
    if min(workers, len(jobs)) > 1:
        ended = map(Future.result, as_completed([pool.submit(run, job) for job in jobs]))
    try:
        for result in ended:
            done.append(result)
            progress(len(done), len(jobs))
    finally:
        pool.shutdown(cancel_futures=True)
    return done


def _run(job: Job, drafted: Path | None = None) -> Done:
    """Fold one fetcher at all its references: one file per reference in a draft, or the tables where there is none."""
    try:
        table = fold(job)
        tables = {at: _at(table, at) for at in job.references}
        rows = {at: len(one) for at, one in tables.items()}
        if drafted is None:
            return Done(job, rows, tables=tables)
        paths = {at: snapshot.path_of(drafted, job.fetcher, job.country, at) for at in tables}
        return Done(job, rows, files={at: snapshot.write(one, paths[at]) for at, one in tables.items()})
    except Exception as error:  # whatever it is, the other fetchers go on and the caller is told
        return Done(job, error=str(machine.translate(error) or f"{type(error).__name__}: {error}"))


def fold(job: Job) -> pa.Table:
    """The job's table: one row per reference and customer."""
    chosen = fetcher.get(job.fetcher)
    with duckdb.connect(config=job.limits) as connection:
        arrivals = job.lake.query(connection, chosen.family, job.country, job.version)
        batch.admit(connection, arrivals, job.country, "admitted")
        return batch.fold(connection, "admitted", layout_of(chosen), job.country, job.references)


def _at(table: pa.Table, at: datetime) -> pa.Table:
    instant = pa.scalar(at, pa.timestamp("us", tz="UTC"))
    return table.filter(pa.compute.equal(table["event_timestamp"], instant)).combine_chunks()


def _publish(root: Path, drafted: Path, country: Country, done: Sequence[Done]) -> None:
    job = done[0].job
    made, complete_to = snapshot.made_of(country, job.version), job.lake.complete_to(country.code, job.version)
    for at in job.references:
        files = {one.job.fetcher: one.files[at] for one in done}
        manifest = SnapshotManifest(
            country=country.code,
            reference=calendar.label(at, country),
            at=at,
            rows={one.job.fetcher: one.rows[at] for one in done},
            stamp=msgspec.structs.replace(made, complete_to=complete_to, files=files),
        )
        snapshot.publish(root, drafted, manifest)

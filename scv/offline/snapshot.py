"""SCV snapshots: every fetcher of a country at a reference, from one lake version.

    HOME/snapshots/FETCHER/COUNTRY/REFERENCE.parquet      what Feast's offline store reads
    HOME/snapshots/manifests/COUNTRY/REFERENCE.json       lake version, fingerprints, rows; written last

A file is replaced whole. The same lake version gives the same bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from scv import atomic as whole
from scv.errors import UserError
from scv.events import calendar
from scv.events.country import Country
from scv.features import fetcher
from scv.features.fetcher import Fetcher
from scv.features.layout import layout_of
from scv.offline import batch
from scv.offline.lake import Lake, LakeVersion
from scv.settings import Settings


class Manifest(msgspec.Struct, kw_only=True):
    """What a snapshot was made from. `files` maps fetcher → sha256 of its file."""

    country: str
    reference: str
    at: datetime
    lake: dict[str, int]
    lake_hash: str
    fingerprints: dict[str, str]
    rows: dict[str, int]
    files: dict[str, str]


@dataclass(frozen=True)
class Job:
    """One cell of the grid: a fetcher of a country at all of its references."""

    country: Country
    fetcher: str
    references: tuple[datetime, ...]
    lake_path: Path
    version: LakeVersion
    out: Path
    threads: int
    memory: str


@dataclass(frozen=True)
class Done:
    """What became of a job: rows per reference, or the error's text."""

    job: Job
    rows: Mapping[datetime, int]
    files: Mapping[datetime, str]
    error: str = ""


def path_of(root: Path, fetcher_name: str, country: Country, at: datetime) -> Path:
    return root / fetcher_name / country.code / f"{calendar.label(at, country)}.parquet"


def manifest_path(root: Path, country: Country, at: datetime) -> Path:
    return root / "manifests" / country.code / f"{calendar.label(at, country)}.json"


def fetch(
    settings: Settings,
    wanted: Mapping[Country, Sequence[datetime]],
    fetchers: Iterable[type[Fetcher]] | None = None,
    workers: int = 1,
    version: LakeVersion | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Done]:
    """Write the snapshots of every country × reference × fetcher, in parallel; one failure stops no other.

    All cells read one lake version; files of older definitions are removed first. `workers` share the settings'
    threads and memory. `progress` hears (cells done, of all). A manifest is written for each reference whose fetchers
    all went well.
    """
    chosen = list(fetchers if fetchers is not None else fetcher.collect().values())
    lake = Lake(settings.lake_path)
    pinned = version or lake.version()
    threads, memory = max(1, settings.threads // max(workers, 1)), _share(settings.memory, workers)
    jobs = [
        Job(country, one.name, tuple(references), lake.path, pinned, settings.snapshots_path, threads, memory)
        for country, references in wanted.items()
        for one in chosen
    ]
    for country in wanted:
        drop_stale(settings.snapshots_path, country)
    done = []
    for result in _run(jobs, workers):
        done.append(result)
        progress(len(done), len(jobs))
    if len(chosen) == len(fetcher.collect()):
        _manifests(settings.snapshots_path, done)
    return done


def _share(memory: str, workers: int) -> str:
    """A worker's part of DuckDB's memory cap.

    >>> _share("4GB", 16)
    '0.25GB'
    """
    found = re.fullmatch(r"\s*([0-9.]+)\s*([A-Za-z]+)\s*", memory)
    return f"{float(found[1]) / max(workers, 1):g}{found[2]}" if found else memory


def _run(jobs: Sequence[Job], workers: int) -> Iterable[Done]:
    if workers <= 1 or len(jobs) <= 1:
        yield from (run(job) for job in jobs)
        return
    # Threads, not processes: DuckDB and Arrow work outside the interpreter's lock, and nothing is copied.
    with ThreadPoolExecutor(min(workers, len(jobs))) as pool:
        futures = [pool.submit(run, job) for job in jobs]
        try:
            yield from (future.result() for future in as_completed(futures))
        finally:
            for future in futures:
                future.cancel()


def run(job: Job) -> Done:
    """Fold one fetcher at all its references and write one file per reference."""
    try:
        table = fold(job)
        rows, files = {}, {}
        for at in job.references:
            part = _at(table, at)
            path = path_of(job.out, job.fetcher, job.country, at)
            files[at] = write(part, path)
            rows[at] = len(part)
        return Done(job, rows, files)
    except Exception as error:  # whatever it is, the other fetchers go on and the caller is told
        return Done(job, {}, {}, f"{type(error).__name__}: {error}")


def fold(job: Job) -> pa.Table:
    """The job's table: one row per reference and customer."""
    connection = duckdb.connect(config={"threads": job.threads, "memory_limit": job.memory})
    try:
        chosen = fetcher.get(job.fetcher)
        deliveries = Lake(job.lake_path).deliveries(connection, chosen.family, job.country, job.version)
        batch.admit(connection, deliveries, job.country, "admitted")
        return batch.fold(connection, "admitted", layout_of(chosen), job.country, job.references)
    finally:
        connection.close()


def _at(table: pa.Table, at: datetime) -> pa.Table:
    stamp = pa.scalar(at, pa.timestamp("us", tz="UTC"))
    return table.filter(pa.compute.equal(table["event_timestamp"], stamp)).combine_chunks()


def write(table: pa.Table, path: Path) -> str:
    """Replace a file whole; the sha256 of its bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    body = sink.getvalue().to_pybytes()
    whole.write(path, body)
    return hashlib.sha256(body).hexdigest()


def _manifests(root: Path, done: Sequence[Done]) -> None:
    cells: dict[tuple[Country, datetime], list[Done]] = {}
    for result in done:
        for at in result.job.references:
            cells.setdefault((result.job.country, at), []).append(result)
    for (country, at), results in cells.items():
        if any(result.error for result in results):
            continue
        version = results[0].job.version
        manifest = Manifest(
            country=country.code,
            reference=calendar.label(at, country),
            at=at,
            lake=dict(version.families),
            lake_hash=version.hash,
            fingerprints={r.job.fetcher: fetcher.get(r.job.fetcher).fingerprint() for r in results},
            rows={r.job.fetcher: r.rows[at] for r in results},
            files={r.job.fetcher: r.files[at] for r in results},
        )
        body = msgspec.json.format(msgspec.json.encode(manifest, order="sorted"))
        whole.write(manifest_path(root, country, at), body)


def drop_stale(root: Path, country: Country) -> int:
    """Remove the files of fetchers that compute something else today, and their manifests; how many files.

    Feast reads every file of a view: values of an older definition must not stand among them.
    """
    current, dropped = _fingerprints(), 0
    for path in sorted((root / "manifests" / country.code).glob("*.json")):
        found = msgspec.json.decode(path.read_bytes(), type=Manifest)
        stale = [name for name, fingerprint in found.fingerprints.items() if current.get(name) != fingerprint]
        if stale:
            path.unlink()  # first: without its manifest a reference is not there
        for name in stale:
            path_of(root, name, country, found.at).unlink(missing_ok=True)
            dropped += 1
    return dropped


def _fingerprints() -> dict[str, str]:
    return {one.name: one.fingerprint() for one in fetcher.collect().values()}


def manifest(root: Path, country: Country, at: datetime) -> Manifest | None:
    """The manifest of a reference's snapshot, if it is whole and its fetchers compute what they did."""
    path = manifest_path(root, country, at)
    if not path.exists():
        return None
    found = msgspec.json.decode(path.read_bytes(), type=Manifest)
    return found if found.fingerprints == _fingerprints() else None


def read(root: Path, country: Country, at: datetime) -> dict[str, pa.Table]:
    """Fetcher → table of a reference's snapshot. Raises UserError where there is none."""
    if manifest(root, country, at) is None:
        when = calendar.label(at, country)
        raise UserError(f"No snapshot of {country.code} at {when}. Run `cerebro fetch {country.code} -d {when}`.")
    return {name: read_file(path_of(root, name, country, at)) for name in fetcher.collect()}


def read_file(path: Path) -> pa.Table:
    """One snapshot file."""
    return pq.ParquetFile(path).read()


def join(tables: Mapping[str, pa.Table]) -> pa.Table:
    """One row per customer with a row in any fetcher, columns `fetcher__feature`; ordered by customer.

    A customer without a row of a fetcher has nulls there.
    """
    connection = duckdb.connect()
    try:
        names = sorted(tables)
        for name in names:
            connection.register(name, tables[name])
        keys = "country, customer_id, event_timestamp"
        everyone = " UNION ".join(f'SELECT {keys} FROM "{name}"' for name in names)
        columns = [
            f'"{name}"."{column}" AS "{name}__{column}"' for name in names for column in tables[name].column_names[3:]
        ]
        joins = " ".join(f'LEFT JOIN "{name}" USING (country, customer_id, event_timestamp)' for name in names)
        query = f"SELECT {keys}, {', '.join(columns)} FROM ({everyone}) {joins} ORDER BY event_timestamp, customer_id"
        return connection.sql(query).to_arrow_table().combine_chunks()
    finally:
        connection.close()

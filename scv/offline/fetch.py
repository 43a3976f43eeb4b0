"""Fetching: every fetcher of countries at references, from one version of the lake; families in parallel, and each
family's arrivals are admitted once for all of its fetchers.

`fetch` writes whole snapshots, and keeps those that it would write again. `look` gives tables and writes nothing: some
fetchers alone make no snapshot.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace
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
from scv.offline.draft import Drafted, draft, note
from scv.offline.heir import Heir, table_stamp
from scv.offline.job import Done, Job, Listener
from scv.offline.kept import kept
from scv.offline.lake import Lake
from scv.offline.lake_version import LakeVersion
from scv.offline.snapshot import SnapshotManifest, Snapshots
from scv.settings import Settings

Wanted = Mapping[Country, Sequence[datetime]]


UNHEARD = Listener()


def fetch(
    settings: Settings,
    wanted: Wanted,
    workers: int = 1,
    version: LakeVersion | None = None,
    progress: Listener = UNHEARD,
    afresh: bool = False,
) -> list[Done]:
    """Write the snapshots of every country × reference, families in parallel; one fetcher's failure stops no other.

    All read one lake version. `workers` share the settings' threads and memory. The snapshots of a country are
    published where all its fetchers went well, otherwise the old ones stay.
    What would be written again byte by byte is kept, unless all is to be taken `afresh`: snapshots that stand, and
    tables of a fetch that was interrupted or failed in part.
    """
    root, pinned = settings.snapshots_path, version or Lake(settings.lake_path).version()
    stand = {each: {} if afresh else _standing(settings, each, ats, pinned) for each, ats in wanted.items()}
    missing = {each: [at for at in ats if at not in stand[each]] for each, ats in wanted.items()}
    heir = Heir(Lake(settings.lake_path), {} if afresh else missing, pinned)
    with draft(root, heir) as drafted:
        for country in wanted:
            progress.kept(country, stand[country])
            snapshot.sweep(root, country, pinned)
        jobs = _jobs(settings, missing, fetcher.collect().values(), pinned)
        done = _all(settings, [replace(job, drafted=heir.taken) for job in jobs], workers, progress, drafted)
        for country in wanted:
            mine = [one for one in done if one.job.country == country]
            if not any(one.error for one in mine):
                _publish(root, drafted, country, mine)
    return [_with_kept(one, stand[one.job.country], wanted[one.job.country]) for one in done]


def _standing(
    settings: Settings, country: Country, references: Sequence[datetime], version: LakeVersion
) -> Mapping[datetime, SnapshotManifest]:
    try:
        return kept(settings, country, references, version)
    except Exception:  # a lake that cannot be read is told by the fetchers that read it; the other countries go on
        return {}


def _with_kept(done: Done, stand: Mapping[datetime, SnapshotManifest], references: Sequence[datetime]) -> Done:
    """With the rows of the snapshots that were kept, in the order that was asked for."""
    rows = {at: made.rows[done.fetcher] for at, made in stand.items()} | dict(done.rows)
    return replace(done, rows={at: rows[at] for at in references if at in rows}, kept=done.kept | frozenset(stand))


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
    progress: Listener = UNHEARD,
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
    settings: Settings, jobs: Sequence[Job], workers: int, progress: Listener, drafted: Path | None = None
) -> list[Done]:
    """What became of the jobs' fetchers, as the jobs ended."""
    done, total = list[Done](), sum(len(job.fetchers) for job in jobs)
    limits = {"threads": settings.threads, "memory_limit": settings.memory}
    # Threads, not processes: DuckDB and Arrow work outside the interpreter's lock, and nothing is copied.
    with duckdb.connect(config=limits) as database, ThreadPoolExecutor(workers) as pool:
        tasks = [functools.partial(_run, database.cursor(), job, drafted, progress) for job in jobs]
        ended: Iterable[list[Done]] = (task() for task in tasks)
        if workers > 1:
            ended = map(Future.result, as_completed([pool.submit(task) for task in tasks]))
        try:
            for results in ended:
                done += results
                progress.at(len(done), total)
        finally:
            pool.shutdown(cancel_futures=True)
    return done


def _run(connection: duckdb.DuckDBPyConnection, job: Job, drafted: Path | None, progress: Listener) -> list[Done]:
    """Admit a family's arrivals and fold its fetchers: into files in a draft, or into tables where there is none."""
    first = next((one for one in job.fetchers if job.missing(one.name)), None)
    complete_to: Mapping[str, datetime] = {}
    with connection:
        if first:
            progress.begun(job, first.name)
            try:
                batch.admit(connection, job.lake.query(job.family, job.country, job.version), job.country, "admitted")
                complete_to = job.lake.complete_to(job.country.code, job.version, [job.family]) if drafted else {}
            except Exception as error:  # whatever it is, the other families go on and the caller is told
                done = [Done(job, one.name, error=_words(error)) for one in job.fetchers]
                for each in done:
                    progress.ended(each)
                return done
        return [
            _timed(connection, replace(job, complete_to=complete_to), one, drafted, progress) for one in job.fetchers
        ]


def _timed(
    connection: duckdb.DuckDBPyConnection, job: Job, chosen: type[Fetcher], drafted: Path | None, progress: Listener
) -> Done:
    if job.missing(chosen.name):
        progress.begun(job, chosen.name)
    began = time.monotonic()
    done = replace(_done(connection, job, chosen, drafted), seconds=time.monotonic() - began)
    progress.ended(done)
    return done


def _done(connection: duckdb.DuckDBPyConnection, job: Job, chosen: type[Fetcher], drafted: Path | None) -> Done:
    """One fetcher of a job at all its references."""
    missing, there = job.missing(chosen.name), job.there(chosen.name)
    try:
        table = fold(connection, replace(job, references=missing), chosen) if missing else None
        tables = {at: _at(table, at) for at in missing}
        if drafted is None:
            return Done(job, chosen.name, {at: len(one) for at, one in tables.items()}, tables=tables)
        made = there | {at: _write(job, chosen.name, at, one, drafted) for at, one in tables.items()}
        return Done(job, chosen.name, {at: one.rows for at, one in made.items()}, made, kept=frozenset(there))
    except Exception as error:  # as above
        return Done(job, chosen.name, error=_words(error))


def _write(job: Job, name: str, at: datetime, table: pa.Table, drafted: Path) -> Drafted:
    """One table into the draft, and what it is of beside it."""
    path = snapshot.path_of(drafted, name, job.country, at)
    files = {name: snapshot.write(table, path)}
    made = msgspec.structs.replace(
        table_stamp(job.country, name, job.version), complete_to=job.complete_to, files=files
    )
    place, code = str(path.relative_to(drafted)), job.country.code
    one = Drafted(path=place, country=code, fetcher=name, at=at, rows=len(table), stamp=made)
    note(drafted, one)
    return one


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
    made = snapshot.made_of(country, job.version)
    unread = set(job.version.families) - {fetcher.get(one.fetcher).family for one in done}
    others = job.lake.complete_to(country.code, job.version, unread) if unread and job.references else {}
    for at in job.references:
        files = {one.fetcher: one.files[at] for one in done}
        marks = [item for one in done for item in one.made[at].stamp.complete_to.items()]
        complete_to = others | {family: min(mark for name, mark in marks if name == family) for family, _ in marks}
        manifest = SnapshotManifest(
            country=country.code,
            reference=calendar.label(at, country),
            at=at,
            rows={one.fetcher: one.rows[at] for one in done},
            stamp=msgspec.structs.replace(made, complete_to=complete_to, files=files),
        )
        snapshot.publish(root, drafted, manifest)

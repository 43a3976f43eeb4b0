"""The training set as an artefact: the rows that a training learned from, and a manifest that says what they are of.

    HOME/training/COUNTRY/TARGET/ID.parquet      keys, outcome, phase, and every column as the model sees it
    HOME/training/COUNTRY/TARGET/ID.json         its manifest: it comes last, without it the rows are not there

`ID` is the local reference and 8 hex digits of the rows: the same rows give the same bytes and the same id. A bundle
names the set that it was fitted on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from scv import atomic, stamp
from scv.errors import UserError
from scv.events.calendar import label
from scv.events.country import Country
from scv.leftover import Leftover, leftover_files, older
from scv.model import bundle, champion
from scv.model.column import Column
from scv.offline import snapshot
from scv.settings import Settings
from scv.stamp import Sealed, Stamp, Written


class SetManifest(Sealed, frozen=True, kw_only=True):
    """What a training set is of: frozen at `reference`, outcomes as of `label_as_of`, `share` of all rows drawn."""

    id: str = ""
    country: str
    target: str
    reference: datetime
    label_as_of: datetime
    rows: int
    positives: int
    share: float
    columns: tuple[Column, ...]
    stamp: Stamp


def folder(settings: Settings, country: str, target: str) -> Path:
    return settings.training_path / country / target


def write(settings: Settings, country: Country, table: pa.Table, said: SetManifest) -> str:
    """Keep a training set, `customer_id`, `event_timestamp`, `y`, `phase` and its columns; its id.

    `said` is its manifest but for id and hash. Raises NoRoom and BadPlace.
    """
    place = folder(settings, country.code, said.target)
    place.mkdir(parents=True, exist_ok=True)
    draft = atomic.beside(place / "rows")
    try:
        sha256 = snapshot.write(table, draft)
        id = f"{label(said.reference, country)}-{sha256[:8]}"
        draft.replace(place / f"{id}.parquet")
    finally:
        draft.unlink(missing_ok=True)
    replace = msgspec.structs.replace
    named = replace(said, id=id, stamp=replace(said.stamp, files={"rows": sha256}))
    atomic.write(place / f"{id}.json", stamp.sealed(named))
    return id


def manifest(settings: Settings, country: str, target: str, id: str) -> SetManifest:
    """What a training set says of itself. Raises UserError where it is not there or not what was written."""
    path = folder(settings, country, target) / f"{id}.json"
    try:
        return stamp.opened(path.read_bytes(), SetManifest)
    except (FileNotFoundError, ValueError) as error:
        why = "there is none" if isinstance(error, FileNotFoundError) else str(error)
        raise UserError(
            f"No training set of {f'{country} {target} {id}'.strip()} ({why}). Train again: it is written anew."
        ) from error


def read(settings: Settings, country: str, target: str, id: str) -> pa.Table:
    """Its rows. Raises UserError where they are not what was written."""
    made, path = manifest(settings, country, target, id), folder(settings, country, target) / f"{id}.parquet"
    if not path.exists() or stamp.sha256_of(path.read_bytes()) != made.stamp.files["rows"]:
        raise UserError(f"{path} is not what was written. Train again: it is written anew.")
    return snapshot.read_file(path)


def differences(a: pa.Table, b: pa.Table) -> Iterator[tuple[str, str, str]]:
    """(what, of a, of b) where two training sets are not alike: rows that only one has, and in the others the outcomes
    and the columns of which values are not the same, most first."""
    keys, on = "customer_id, event_timestamp", "USING (customer_id, event_timestamp)"
    names = [one for one in a.column_names if one in b.column_names and one not in keys.split(", ")]
    counted = ", ".join(f'count(*) FILTER (a."{name}" IS DISTINCT FROM b."{name}")' for name in names)
    with duckdb.connect() as connection:
        for name, one in (("a", a), ("b", b)):
            connection.register(name, one)
        alone = [f"SELECT count(*) FROM {x} ANTI JOIN {y} {on}" for x, y in (("a", "b"), ("b", "a"))]
        only = [int(connection.execute(query).fetchall()[0][0]) for query in alone]
        both, *changed = connection.execute(f"SELECT count(*), {counted} FROM a JOIN b {on}").fetchall()[0]
    if any(only):
        yield "rows that only it holds", f"{only[0]:,}", f"{only[1]:,}"
    for count, name in sorted(zip(changed, names, strict=True), key=lambda pair: (-pair[0], pair[1])):
        if count:
            what = {"y": "outcomes", "phase": "phases"}.get(name, f"values of {name}")
            yield f"{what} that changed", f"{count:,} of {both:,} rows", ""


def written(settings: Settings, country: Country) -> Iterator[Written]:
    """Every file of a country's training sets."""
    for paper in sorted((settings.training_path / country.code).glob("*/*.json")):
        mends = f"Run `cerebro train {country.code} --target {paper.parent.name}`"
        made = None
        with contextlib.suppress(ValueError):
            made = stamp.opened(paper.read_bytes(), SetManifest)
        yield stamp.judged("training", country.code, str(paper), "" if made else "it is not what was written", mends)
        if made is not None:
            yield stamp.written(
                "training", country.code, paper.with_suffix(".parquet"), made.stamp.files["rows"], mends
            )


def outdated(settings: Settings, country: str, erased: Mapping[str, int]) -> Iterator[Leftover]:
    """The training sets that no bundle names and that are older than `bundle_days`; and at once those with a row from
    before the erasure of its customer (`erased`: customer → when, us)."""
    for place in sorted((settings.training_path / country).glob("*")):
        named = _named(settings, country, place.name)
        for path in sorted(place.glob("*.parquet")):
            if _holds(path, erased) or (path.stem not in named and older(path, settings.bundle_days)):
                yield leftover_files("training", country, [path.with_suffix(".json"), path])


def _holds(path: Path, erased: Mapping[str, int]) -> bool:
    if not erased:
        return False
    rows = pq.read_table(path, columns=["customer_id", "event_timestamp"])
    at_us = rows["event_timestamp"].cast(pa.int64()).to_pylist()
    return any(us < erased.get(one, us) for one, us in zip(rows["customer_id"].to_pylist(), at_us, strict=True))


def _named(settings: Settings, country: str, target: str) -> set[str]:
    """Raises CorruptBundle."""
    made = champion.folder(settings, country, target).glob(f"[!.]*/{bundle.INFO}")
    return {bundle.read_info(one.parent).trained_on.set for one in made}

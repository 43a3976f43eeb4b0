"""Weeks of the past that a training keeps for the next one: whom it asked about, what was known, what then happened.

    HOME/training/weeks/COUNTRY/rows/2017-08-01.parquet      keys and every feature
    HOME/training/weeks/COUNTRY/return/2017-08-01.parquet    customer, y, why removed, outcome, once they are final
    HOME/training/weeks/COUNTRY/…/2017-08-01.json            the manifest of each: it comes last

What is not there, is of something else by now or is damaged is made anew: nobody has to mend it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

import msgspec
import pyarrow as pa

from scv import atomic, stamp
from scv.events.calendar import label, of_label, to_us
from scv.events.country import Country
from scv.leftover import Leftover, leftover_files
from scv.offline import snapshot
from scv.offline.kept import holds
from scv.settings import Settings
from scv.stamp import Sealed, Stamp, Written

ROWS = "rows"
PAPER = ".json"
FILE = "table"


class KeptManifest(Sealed, frozen=True, kw_only=True):
    """What a kept table is of: `what` is `ROWS` or the name of a target."""

    country: str
    what: str
    reference: str
    stamp: Stamp


def folder(settings: Settings, country: str) -> Path:
    return settings.training_path / "weeks" / country


def read(settings: Settings, country: Country, what: str, at: datetime, wanted: Stamp) -> pa.Table | None:
    """The table of that reference; None where there is none that is whole and of what is wanted."""
    path = _path(settings, country, what, at)
    made = _manifest(path)
    if made is None or made.stamp.why_not(wanted):
        return None
    try:
        body = path.read_bytes()
    except FileNotFoundError:
        return None
    return snapshot.table_of(body) if stamp.sha256_of(body) == made.stamp.files.get(FILE) else None


def write(settings: Settings, country: Country, what: str, at: datetime, table: pa.Table, said: Stamp) -> None:
    """Keep a table, with what it is of. Raises NoRoom and BadPlace."""
    path = _path(settings, country, what, at)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.alone(path.parent):  # trainings of two targets keep the same week
        of = msgspec.structs.replace(said, files={FILE: snapshot.write(table, path)})
        made = KeptManifest(country=country.code, what=what, reference=path.stem, stamp=of)
        atomic.write(path.with_suffix(PAPER), stamp.sealed(made))


def _path(settings: Settings, country: Country, what: str, at: datetime) -> Path:
    return folder(settings, country.code) / what / f"{label(at, country)}.parquet"


def _manifest(path: Path) -> KeptManifest | None:
    try:
        made = stamp.opened(path.with_suffix(PAPER).read_bytes(), KeptManifest)
    except (FileNotFoundError, ValueError):
        return None
    place = (path.parent.parent.name, path.parent.name, path.stem)
    return made if (made.country, made.what, made.reference) == place else None


def written(settings: Settings, country: Country) -> Iterator[Written]:
    """Every file of a country's kept weeks."""
    for paper in sorted(folder(settings, country.code).glob(f"*/*{PAPER}")):
        mends = f"Remove it: `cerebro train {country.code}` makes it anew"
        rows = paper.with_suffix(".parquet")
        made = _manifest(rows)
        yield stamp.judged("training", country.code, str(paper), "" if made else "it is not what was written", mends)
        if made is not None:
            yield stamp.written("training", country.code, rows, made.stamp.files.get(FILE, ""), mends)


def outdated(settings: Settings, country: Country, erased: Mapping[str, int]) -> Iterator[Leftover]:
    """Kept weeks whose snapshot is gone, and those with a customer who was erased since (`erased`: customer → us)."""
    for path in sorted(folder(settings, country.code).glob("*/*.parquet")):
        at = of_label(path.stem, country)
        there = at is not None and snapshot.manifest_path(settings.snapshots_path, country, at).exists()
        if at is None or not there or holds(path, [name for name, us in erased.items() if us > to_us(at)]):
            yield leftover_files("training", country.code, [path.with_suffix(PAPER), path])

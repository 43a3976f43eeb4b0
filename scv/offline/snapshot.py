"""SCV snapshots: what every fetcher says of a country at a reference, from one lake version.

    HOME/snapshots/FETCHER/COUNTRY/REFERENCE.parquet      what Feast's offline store reads
    HOME/snapshots/manifests/COUNTRY/REFERENCE.json       what they are of, and their hashes

The manifest goes first and comes back last: while it stands, the files are those of one fetch. The same lake version
gives the same bytes. Whoever reads a snapshot asks `Snapshots` whether it may be used.
"""

from __future__ import annotations

import contextlib
import functools
import io
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from scv import atomic, stamp
from scv.atomic import alone
from scv.errors import NoSnapshot
from scv.events import calendar
from scv.events.country import Country
from scv.features import fetcher
from scv.leftover import Leftover, older
from scv.offline.lake import Lake
from scv.offline.lake_version import LakeVersion
from scv.settings import Settings
from scv.stamp import Sealed, Stamp, Written

ABSENT = "there is none"


class SnapshotManifest(Sealed, frozen=True, kw_only=True):
    """What a snapshot is of. `rows` by fetcher, and so are `stamp.files`, their sha256; `seal` is its own."""

    country: str
    reference: str
    at: datetime
    rows: dict[str, int]
    stamp: Stamp

    def path(self, root: Path, fetcher_name: str) -> Path:
        return root / fetcher_name / self.country / f"{self.reference}.parquet"


def path_of(root: Path, fetcher_name: str, country: Country, at: datetime) -> Path:
    return root / fetcher_name / country.code / f"{calendar.label(at, country)}.parquet"


def manifest_path(root: Path, country: Country, at: datetime) -> Path:
    return root / "manifests" / country.code / f"{calendar.label(at, country)}.json"


def manifests(root: Path, code: str) -> list[Path]:
    """Those of a country, oldest reference first."""
    return sorted((root / "manifests" / code).glob("*.json"))


def manifest(root: Path, country: Country, at: datetime) -> SnapshotManifest | None:
    """What a snapshot says of itself, whatever is wanted today; None where there is none that can be read."""
    return _manifest(manifest_path(root, country, at))


def _manifest(path: Path) -> SnapshotManifest | None:
    try:
        made = stamp.opened(path.read_bytes(), SnapshotManifest)
    except (FileNotFoundError, ValueError):  # ValueError: of msgspec, of another encoding, or a broken seal
        return None
    return made if (made.country, made.reference) == (path.parent.name, path.stem) else None


# -- may it be used? -----------------------------------------------------------------------------------------
def made_of(country: Country, version: LakeVersion) -> Stamp:
    """What a snapshot is of that is fetched now, but for how far the log was complete and its files."""
    definitions = {one.name: one.fingerprint() for one in fetcher.collect().values()}
    log = {family: version.ids[family] for family in version.families if version.ids.get(family)}
    return stamp.of(country, stamp.SNAPSHOT, definitions=definitions, log=log, lake=dict(version.families))


class Snapshots:
    """The snapshots of a country, judged by today's definitions and settings and by one look at the lake.

    `complete_to` is said instead of asked, for whoever takes a snapshot as complete as it was.
    """

    def __init__(
        self,
        settings: Settings,
        country: Country,
        version: LakeVersion | None = None,
        complete_to: Mapping[str, datetime] | None = None,
    ) -> None:
        self.root, self.country, self._said = settings.snapshots_path, country, complete_to
        self._lake = Lake(settings.lake_path)
        self.version = version or self._lake.version()
        self._now = made_of(country, self.version)

    def why_not(self, at: datetime) -> str:
        """Why the snapshot of a reference may not be used, in words; "" where it may.

        It may not where definitions or settings changed, where it is of another lake, where the lake is complete
        further towards the reference than it was, and where a file is not what was written.
        """
        return self._settled(at, content=True)[2]

    def usable(self, at: datetime) -> SnapshotManifest:
        """The manifest of a reference whose snapshot may be used, but for its files' content. Raises NoSnapshot."""
        made, _, why = self._settled(at, content=False)
        if made is None or why:
            raise self._refused(at, why)
        return made

    def read(self, at: datetime) -> dict[str, pa.Table]:
        """Fetcher → table of a reference's snapshot. Raises NoSnapshot where it may not be used."""
        _, bodies, why = self._settled(at, content=True)
        if why:
            raise self._refused(at, why)
        return {name: table_of(body) for name, body in bodies.items()}

    def _settled(self, at: datetime, content: bool) -> tuple[SnapshotManifest | None, dict[str, bytes], str]:
        """Manifest, files' content (if asked for) and why they may not be used: what may not is looked at again while
        nobody publishes, for a snapshot is not there while one is put in its place.
        """
        seen = self._seen(at, content)
        if seen[2] and self.root.is_dir():
            with alone(self.root):
                seen = self._seen(at, content)
        return seen

    def _seen(self, at: datetime, content: bool) -> tuple[SnapshotManifest | None, dict[str, bytes], str]:
        made = manifest(self.root, self.country, at)
        if made is None:
            return None, {}, ABSENT
        why = made.stamp.why_not(self._wanted(made))
        bodies = _bodies(self.root, made) if content and not why else {}
        return made, bodies, why or (_damage(made, bodies) if content else "")

    def _wanted(self, made: SnapshotManifest) -> Stamp:
        log = {family: one for family, one in self._now.log.items() if family in made.stamp.log}
        return msgspec.structs.replace(self._now, log=log, lake={}, complete_to=self._complete_to(made))

    def _complete_to(self, made: SnapshotManifest) -> dict[str, datetime]:
        """How far towards the reference the lake is complete now; it is not asked where the snapshot has it all."""
        had = made.stamp.complete_to
        if all(family in had and had[family] >= made.at for family in self.version.families):
            return {}
        return {family: min(made.at, mark) for family, mark in self._marks.items()}

    @functools.cached_property
    def _marks(self) -> Mapping[str, datetime]:
        return self._lake.complete_to(self.country.code, self.version) if self._said is None else self._said

    def _refused(self, at: datetime, why: str) -> NoSnapshot:
        code, when = self.country.code, calendar.label(at, self.country)
        what = f"The snapshot of {code} at {when} cannot be used: {why}"
        if why == ABSENT:
            what = f"No snapshot of {code} at {when}"
        return NoSnapshot(f"{what}. Run `cerebro fetch {code} -d {when}`.")


def _bodies(root: Path, made: SnapshotManifest) -> dict[str, bytes]:
    bodies = dict.fromkeys(fetcher.collect(), b"")
    for name in bodies:
        with contextlib.suppress(FileNotFoundError):
            bodies[name] = made.path(root, name).read_bytes()
    return bodies


def _damage(made: SnapshotManifest, bodies: Mapping[str, bytes]) -> str:
    return made.stamp.why_not(Stamp(files={name: stamp.sha256_of(body) for name, body in bodies.items()}))


def written(root: Path, country: Country) -> Iterator[Written]:
    """Every file of a country's snapshots, whatever is wanted today."""
    code = country.code
    for paper in manifests(root, code):
        made, mends = _manifest(paper), f"Run `cerebro fetch {code} -d {paper.stem}`"
        yield stamp.judged("snapshots", code, str(paper), "" if made else "it is not what was written", mends)
        if made is not None:
            for name in made.rows:
                yield stamp.written("snapshots", code, made.path(root, name), made.stamp.files.get(name, ""), mends)


# -- files ---------------------------------------------------------------------------------------------------
def publish(root: Path, drafted: Path, made: SnapshotManifest) -> None:
    """Move the files of a reference from a draft into place: the manifest goes before them and comes after them.

    Where another fetch of the same lake did so meanwhile, they stay as they are, under the eyes of whoever reads them.
    """
    paper = root / "manifests" / made.country / f"{made.reference}.json"
    with alone(root):
        if _manifest(paper) == made and not _damage(made, _bodies(root, made)):
            for name in made.stamp.files:
                made.path(drafted, name).unlink()
            return
        paper.unlink(missing_ok=True)
        for name in made.stamp.files:
            path = made.path(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            made.path(drafted, name).replace(path)
        atomic.write(paper, stamp.sealed(made))


def sweep(root: Path, country: Country, version: LakeVersion) -> None:
    """Remove what may never be used again: snapshots of other definitions, settings or another lake, and files
    without a manifest.

    Feast reads every file of a view: none of these may stand among them.
    """
    now, kept = msgspec.structs.replace(made_of(country, version), lake={}), set()
    with alone(root):
        for path in manifests(root, country.code):
            made = _manifest(path)
            if made is None or made.stamp.why_not(now):
                path.unlink()  # first: without its manifest a reference is not there
            else:
                kept.add(path.stem)
        for path in root.glob(f"*/{country.code}/*.parquet"):
            if path.stem not in kept:
                path.unlink()


def drop(root: Path, country: Country, at: datetime) -> bool:
    """Remove the snapshot of a reference, its manifest first; True."""
    with alone(root):
        manifest_path(root, country, at).unlink(missing_ok=True)
        for path in root.glob(f"*/{country.code}/{calendar.label(at, country)}.parquet"):
            path.unlink(missing_ok=True)
    return True


def outdated(settings: Settings, country: Country, kept: Collection[datetime]) -> Iterator[Leftover]:
    """The snapshots of a country that were taken more than `snapshot_days` ago, but for those of Tuesdays, which every
    training reads, and of `kept` references.
    """
    root = settings.snapshots_path
    for path in manifests(root, country.code):
        made = _manifest(path)
        if made is None or made.at in kept or made.at == calendar.last_tuesday(made.at, country.zone):
            continue
        if older(path, settings.snapshot_days):
            sizes = [one.stat().st_size for one in [path, *root.glob(f"*/{country.code}/{path.stem}.parquet")]]
            remove = functools.partial(drop, root, country, made.at)
            yield Leftover("snapshots", country.code, str(path), len(sizes), sum(sizes), remove)


def drop_after(root: Path, country: Country, at: datetime) -> int:
    """Remove the snapshots of references after an instant; how many."""
    every = [_manifest(path) for path in manifests(root, country.code)]
    later = [made.at for made in every if made is not None and made.at > at]
    for reference in later:
        drop(root, country, reference)
    return len(later)


def write(table: pa.Table, path: Path) -> str:
    """Replace a file whole; the sha256 of its bytes."""
    body = body_of(table)
    atomic.write(path, body)
    return stamp.sha256_of(body)


def body_of(table: pa.Table) -> bytes:
    """A table as a Parquet file's bytes, its pages with checksums."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
    return bytes(sink.getvalue().to_pybytes())


def read_file(path: Path) -> pa.Table:
    """One snapshot file, whatever its manifest says."""
    return table_of(path.read_bytes())


def table_of(body: bytes) -> pa.Table:
    """The table of a file's bytes."""
    return pq.ParquetFile(io.BytesIO(body), page_checksum_verification=True).read()


def join(tables: Mapping[str, pa.Table]) -> pa.Table:
    """One row per customer with a row in any fetcher, columns `fetcher__feature`; ordered by customer.

    A customer without a row of a fetcher has nulls there.
    """
    names, keys = sorted(tables), "country, customer_id, event_timestamp"
    everyone = " UNION ".join(f'SELECT {keys} FROM "{name}"' for name in names)
    columns = [f'"{name}"."{one}" AS "{name}__{one}"' for name in names for one in tables[name].column_names[3:]]
    joins = " ".join(f'LEFT JOIN "{name}" USING ({keys})' for name in names)
    query = f"SELECT {keys}, {', '.join(columns)} FROM ({everyone}) {joins} ORDER BY event_timestamp, customer_id"
    with duckdb.connect() as connection:
        for name in names:
            connection.register(name, tables[name])
        return connection.sql(query).to_arrow_table().combine_chunks()

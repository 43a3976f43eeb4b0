"""A published Tuesday: one dated folder of one country at an fsspec URL, whole once its manifest is there.

    URL/US/2017-09-05/scores_US_2017-09-05.parquet, .csv, contacts_US_2017-09-05.xlsx, manifest.json (last)
    URL/US/latest.json                                                                  (after that)
    URL/US/withdrawn/2017-09-05.1/…                                                     what was taken back

Nothing published is ever written again; a wrong week is moved aside.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from scorer.tuesday.claim import claimed
from scv import atomic
from scv.errors import CerebroError, UserError
from scv.events import calendar
from scv.events.country import Country

MANIFEST = "manifest.json"
LATEST = "latest.json"
WITHDRAWN = "withdrawn"


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a week, as it was written. `rows` without the header."""

    sha256: str
    bytes: int
    rows: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a week's folder holds and was made from; nothing in it depends on when it was written.

    `target` is the one the list is ranked by; `models` maps target → bundle id. `data_complete_to` is None where
    the lake had no watermark of a family. `schema` lists the columns of the scores.
    """

    country: str
    date: str
    reference: datetime
    list_id: str
    target: str
    models: dict[str, str]
    lake: str
    data_complete_to: datetime | None
    counts: dict[str, int]
    files: dict[str, File]
    schema: dict[str, str]
    version: int = 1


@dataclass(frozen=True)
class Week:
    """A published folder and its manifest."""

    folder: Folder
    manifest: Manifest

    def scores(self) -> pa.Table:
        """The scores of everyone. Raises CerebroError if the file is not the one that was published."""
        name = f"scores_{self.manifest.country}_{self.manifest.date}.parquet"
        body = self.folder.read(f"{self.manifest.date}/{name}")
        if hashlib.sha256(body).hexdigest() != self.manifest.files[name].sha256:
            raise CerebroError(f"{self.folder.path}/{self.manifest.date}/{name} is not what was published: restore it.")
        return pq.read_table(io.BytesIO(body))


@dataclass(frozen=True)
class Withdrawn:
    """Where a week that was taken back lies, and which is the newest now (None: none). `new`: it stood until now."""

    path: str
    newest: datetime | None
    new: bool


class Folder:
    """The weeks of one country. `url` is what fsspec takes: a path, s3://…, memory://…"""

    def __init__(self, url: str, country: Country) -> None:
        fs, path = fsspec.core.url_to_fs(url)
        self.fs: Any = fs
        self.path = f"{path.rstrip('/')}/{country.code}"
        self.country = country

    def references(self) -> list[datetime]:
        """The references of every published week, oldest first."""
        if not self.fs.exists(self.path):
            return []
        self.fs.invalidate_cache(self.path)
        names = [entry["name"].rsplit("/", 1)[-1] for entry in self.fs.ls(self.path, detail=True)]
        known = [(calendar.of_label(name, self.country), name) for name in names]
        return sorted(at for at, name in known if at is not None and self.fs.exists(f"{self.path}/{name}/{MANIFEST}"))

    def week(self, at: datetime) -> Week | None:
        """The week published for a reference; None where there is none (or half of one)."""
        date = calendar.label(at, self.country)
        try:
            body = self.read(f"{date}/{MANIFEST}")
        except FileNotFoundError:
            return None
        try:
            return Week(self, msgspec.json.decode(body, type=Manifest))
        except msgspec.DecodeError as error:
            raise CerebroError(f"{self.path}/{date}/{MANIFEST} cannot be read ({error}): restore it.") from error

    def before(self, at: datetime) -> Week | None:
        """The week published for exactly seven local days earlier: what "last week" means, or nothing does."""
        return self.week(calendar.add_days(at, -7, self.country.zone))

    def publish(self, manifest: Manifest, files: Mapping[str, bytes]) -> bool:
        """Write a week; False where the same one stands already (nothing is touched).

        Raises UserError where another content stands under that date, or another process is publishing.
        """
        body = _json(manifest)
        with claimed(self.fs, self.path, f"publish {manifest.date} {hashlib.sha256(body).hexdigest()}"):
            standing = self.week(manifest.reference)
            if standing is not None:
                _same(self, standing.manifest, manifest)
                self._point(self.references())
                return False
            for name, content in files.items():
                self._put(f"{manifest.date}/{name}", content)
            self._put(f"{manifest.date}/{MANIFEST}", body)
            self._point(self.references())
            return True

    def withdraw(self, at: datetime) -> Withdrawn:
        """Take a week back: `latest.json` names the newest that remains, then the folder is moved aside.

        The same again does nothing. Raises UserError where no such week was published.
        """
        date = calendar.label(at, self.country)
        with claimed(self.fs, self.path, f"withdraw {date}"):
            published, times = self.references(), self._withdrawn(date)
            remain = [one for one in published if one != at]
            if at not in published and not times:
                raise UserError(f"No week {date} is published in {self.path}: there is nothing to take back.")
            anew = at in published and not self._copied(date, times)
            aside = f"{WITHDRAWN}/{date}.{times + anew}"
            self._point(remain)
            self._move(date, aside)
            return Withdrawn(f"{self.path}/{aside}", max(remain, default=None), new=at in published)

    def _withdrawn(self, date: str) -> int:
        """How often a date's week was taken back: the number of the last one."""
        found = self.fs.glob(f"{self.path}/{WITHDRAWN}/{date}.*/{MANIFEST}")
        return max((int(path.rsplit("/", 2)[-2].rsplit(".", 1)[-1]) for path in found), default=0)

    def _copied(self, date: str, times: int) -> bool:
        """Was a move of this very week killed between its copy and its end? On a disk there is nothing between."""
        if not times or isinstance(self.fs, LocalFileSystem):
            return False
        return self.read(f"{WITHDRAWN}/{date}.{times}/{MANIFEST}") == self.read(f"{date}/{MANIFEST}")

    def _move(self, date: str, aside: str) -> None:
        """A folder out of the way. In an object store file by file: the manifest comes last there and goes first here,
        so that a week stands whole in one of both places; what a killed move left goes.
        """
        source, target = f"{self.path}/{date}", f"{self.path}/{aside}"
        if not self.fs.exists(source):
            return
        if isinstance(self.fs, LocalFileSystem):
            if not Path(target).exists():
                Path(target).parent.mkdir(exist_ok=True)
                Path(source).rename(target)
            return
        names = sorted((path.rsplit("/", 1)[-1] for path in self.fs.find(source)), key=lambda name: name == MANIFEST)
        if MANIFEST in names:
            for name in names:
                self.fs.pipe_file(f"{target}/{name}", self.fs.cat_file(f"{source}/{name}"))
        for name in reversed(names):
            self.fs.rm_file(f"{source}/{name}")

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises FileNotFoundError."""
        found: bytes = self.fs.cat_file(f"{self.path}/{name}")
        return found

    def _point(self, published: Sequence[datetime]) -> None:
        """Let `latest.json` name the newest of these weeks, in which order they may have come; without any it goes."""
        week, there = self.week(max(published)) if published else None, self.fs.exists(f"{self.path}/{LATEST}")
        if week is None:
            if there:
                self.fs.rm_file(f"{self.path}/{LATEST}")
            return
        date = week.manifest.date
        body = _json({"date": date, "list_id": week.manifest.list_id, "manifest": f"{date}/{MANIFEST}"})
        if not there or self.read(LATEST) != body:
            self._put(LATEST, body)

    def _put(self, name: str, body: bytes) -> None:
        """A whole file in one step: renamed into place on a disk; object stores show it whole by themselves."""
        path = f"{self.path}/{name}"
        if not isinstance(self.fs, LocalFileSystem):
            self.fs.pipe_file(path, body)
            return
        atomic.write(Path(path), body)


def _same(folder: Folder, standing: Manifest, wanted: Manifest) -> None:
    if standing.files == wanted.files:
        return
    other = [name for name, file in wanted.files.items() if standing.files.get(name) != file]
    changed = [f"{target} by {standing.models.get(target) or 'nobody'}, now {model or 'nobody'}"
               for target, model in wanted.models.items() if standing.models.get(target) != model]  # fmt: skip
    why = f" Models: {'; '.join(changed)}." if changed else ""
    raise UserError(
        f"{folder.path}/{standing.date} is published with other content ({', '.join(other)}) and is never overwritten."
        f"{why} Keep it, or take it back first: "
        f"`cerebro export withdraw {standing.country} {standing.date}`."
    )


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2) + b"\n"

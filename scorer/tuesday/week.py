"""A published Tuesday: one dated folder of one country at an fsspec URL, whole once its manifest is there.

    URL/US/2017-09-05/scores_US_2017-09-05.parquet, .csv, contacts_US_2017-09-05.xlsx, manifest.json (last)
    URL/US/latest.json                                                                  (after that)

Nothing published is ever written again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from scv import atomic as whole
from scv.errors import CerebroError, UserError
from scv.events import calendar
from scv.events.country import Country

MANIFEST = "manifest.json"
LATEST = "latest.json"


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
        with self._alone():
            standing = self.week(manifest.reference)
            if standing is not None:
                _same(self, standing.manifest, manifest)
                self._latest(manifest)
                return False
            for name, body in files.items():
                self._put(f"{manifest.date}/{name}", body)
            self._put(f"{manifest.date}/{MANIFEST}", _json(manifest))
            self._latest(manifest)
            return True

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises FileNotFoundError."""
        found: bytes = self.fs.cat_file(f"{self.path}/{name}")
        return found

    def _latest(self, manifest: Manifest) -> None:
        # Only ever forward: exporting an old week once more must not send people back to it.
        if manifest.reference == max(self.references()):
            body = _json(
                {"date": manifest.date, "list_id": manifest.list_id, "manifest": f"{manifest.date}/{MANIFEST}"}
            )
            if not self.fs.exists(f"{self.path}/{LATEST}") or self.read(LATEST) != body:
                self._put(LATEST, body)

    def _put(self, name: str, body: bytes) -> None:
        """A whole file in one step: renamed into place on a disk; object stores show it whole by themselves."""
        path = f"{self.path}/{name}"
        if not isinstance(self.fs, LocalFileSystem):
            self.fs.pipe_file(path, body)
            return
        whole.write(Path(path), body)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One publisher at a time on this machine; the kernel drops the lock however the process ends."""
        if not isinstance(self.fs, LocalFileSystem):
            yield
            return
        Path(self.path).mkdir(parents=True, exist_ok=True)
        lock = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for one in (Path(self.path), *Path(self.path).iterdir()):
                whole.sweep(one)
            yield
        except BlockingIOError as error:
            raise UserError(f"Another export is writing to {self.path}. Wait for it, then run this again.") from error
        finally:
            os.close(lock)


def _same(folder: Folder, standing: Manifest, wanted: Manifest) -> None:
    if standing.files == wanted.files:
        return
    other = [name for name, file in wanted.files.items() if standing.files.get(name) != file]
    changed = [f"{target} by {standing.models.get(target) or 'nobody'}, now {model or 'nobody'}"
               for target, model in wanted.models.items() if standing.models.get(target) != model]  # fmt: skip
    why = f" Models: {'; '.join(changed)}." if changed else ""
    raise UserError(
        f"{folder.path}/{standing.date} is published with other content ({', '.join(other)}) and is never overwritten."
        f"{why} Keep it, or move that folder away and export again."
    )


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, order="sorted"), indent=2) + b"\n"

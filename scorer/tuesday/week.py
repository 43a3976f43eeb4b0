"""A published Tuesday: one dated folder of one country at an fsspec URL, whole once its manifest is there.

    URL/US/2017-09-05/scores_US_2017-09-05.parquet, .csv, contacts_US_2017-09-05.xlsx, manifest.json (last)
    URL/US/latest.json                                                                  (after that)
    URL/US/withdrawn/2017-09-05.1/…                                                     what was taken back

Nothing published is ever written again; a wrong week is moved aside.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

from scorer.tuesday import manifest as manifests
from scorer.tuesday.claim import claimed
from scorer.tuesday.manifest import WeekManifest
from scv import atomic, stamp
from scv.errors import NoWeek, UserError
from scv.events import calendar
from scv.events.country import Country
from scv.stamp import Stamp, Written

MANIFEST = "manifest.json"
LATEST = "latest.json"
WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Week:
    """A published folder and its manifest."""

    folder: Folder
    manifest: WeekManifest

    def scores(self) -> pa.Table:
        """The scores of everyone. Raises NoWeek if the file is not the one that was published."""
        name = f"scores_{self.manifest.country}_{self.manifest.date}.parquet"
        body = self._body(name)
        why = self.manifest.stamp.why_not(Stamp(files={name: stamp.sha256_of(body)}))
        if why:
            raise self.folder.refused(self.manifest.reference, why)
        return pq.read_table(io.BytesIO(body))

    def damage(self) -> str:
        """Which files are not what was published; "" where all are."""
        files = {name: stamp.sha256_of(self._body(name)) for name in self.manifest.files}
        return self.manifest.stamp.why_not(Stamp(files=files))

    def _body(self, name: str) -> bytes:
        try:
            return self.folder.read(f"{self.manifest.date}/{name}")
        except FileNotFoundError:
            return b""


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
        return sorted(at for at, name in known if at is not None and self._stands(name))

    def why_not(self, at: datetime, log: Mapping[str, str], content: bool = True) -> str:
        """Why the week published for a reference may not be used, in words; "" where it may.

        `log` are the ids of the lake's tables; see `manifest.why_not`. With `content` every file is compared with its
        hash; who reads the scores alone need not, for reading compares them.
        """
        week, why = self._judged(at, log)
        if week is None:
            return why or "there is none"
        return why or (week.damage() if content else "")

    def usable(self, at: datetime, log: Mapping[str, str]) -> Week | None:
        """The week published for a reference, but for its files' content; None where there is none.

        Raises NoWeek where it may not be used.
        """
        week, why = self._judged(at, log)
        if why:
            raise self.refused(at, why)
        return week

    def week(self, at: datetime) -> Week | None:
        """What stands published for a reference, whatever is asked today; None where there is none (or half of one).

        Raises NoWeek where its manifest cannot be read.
        """
        try:
            return self._read(at)
        except ValueError as error:
            raise self.refused(at, f"{error}") from error

    def written(self) -> Iterator[Written]:
        """Every file of the published weeks, whatever is asked today."""
        code, published = self.country.code, self.references()
        if published:
            mends = f"Run `cerebro export {code} -d {calendar.label(published[-1], self.country)}`"
            there = self.fs.exists(f"{self.path}/{LATEST}") and self.read(LATEST) == self._latest(published)
            why = "" if there else "it does not name the newest week"
            yield stamp.judged("exports", code, f"{self.path}/{LATEST}", why, mends)
        for at in published:
            date = calendar.label(at, self.country)
            mends = f"Bring it back from a copy, or run `cerebro export withdraw {code} {date}`"
            mends += f", then `cerebro week {code} -d {date}`"
            try:
                week, why = self._read(at), ""
            except ValueError as error:
                week, why = None, f"{error}"
            yield stamp.judged("exports", code, f"{self.path}/{date}/{MANIFEST}", why, mends)
            for name in week.manifest.files if week else ():
                measure = functools.partial(self._measure, f"{date}/{name}")
                sha256 = week.manifest.stamp.files.get(name, "") if week else ""
                yield Written("exports", code, f"{self.path}/{date}/{name}", sha256, measure, mends)

    def _measure(self, name: str) -> tuple[int, str]:
        body = self.read(name)
        return len(body), stamp.sha256_of(body)

    def before(self, at: datetime) -> datetime:
        """The reference exactly seven local days earlier: what "last week" means, or nothing does."""
        return calendar.add_days(at, -7, self.country.zone)

    def refused(self, at: datetime, why: str) -> NoWeek:
        """What is said to whoever needs a week that may not be used."""
        code, date = self.country.code, calendar.label(at, self.country)
        return NoWeek(
            f"The week {date} of {code} in {self.path} cannot be used: {why}. Bring back what it was, or take it "
            f"back with `cerebro export withdraw {code} {date}`: then `cerebro week {code} -d {date}` makes it anew."
        )

    def _judged(self, at: datetime, log: Mapping[str, str]) -> tuple[Week | None, str]:
        try:
            week = self._read(at)
        except ValueError as error:
            return None, f"{error}"
        return week, manifests.why_not(week.manifest, self.country, at, log) if week else ""

    def _read(self, at: datetime) -> Week | None:
        try:
            body = self.read(f"{calendar.label(at, self.country)}/{MANIFEST}")
        except FileNotFoundError:
            return None
        return Week(self, manifests.decode(body))

    def _stands(self, date: str) -> bool:
        return bool(self.fs.exists(f"{self.path}/{date}/{MANIFEST}"))

    def publish(self, manifest: WeekManifest, files: Mapping[str, bytes]) -> bool:
        """Write a week; False where the same one stands already (nothing is touched).

        Raises UserError where another content stands under that date, or another process is publishing.
        """
        body = manifests.encode(manifest)
        with claimed(self.fs, self.path, f"publish {manifest.date} {stamp.sha256_of(body)}"):
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
        body, there = self._latest(published), self.fs.exists(f"{self.path}/{LATEST}")
        if not body and there:
            self.fs.rm_file(f"{self.path}/{LATEST}")
        if body and (not there or self.read(LATEST) != body):
            self._put(LATEST, body)

    def _latest(self, published: Sequence[datetime]) -> bytes:
        """What `latest.json` says where these weeks stand; empty where none does."""
        if not published:
            return b""
        date = calendar.label(max(published), self.country)
        list_id = manifests.list_id(self.read(f"{date}/{MANIFEST}"))
        body = msgspec.json.encode({"date": date, "list_id": list_id, "manifest": f"{date}/{MANIFEST}"}, order="sorted")
        return msgspec.json.format(body, indent=2) + b"\n"

    def _put(self, name: str, body: bytes) -> None:
        """A whole file in one step: renamed into place on a disk; object stores show it whole by themselves."""
        path = f"{self.path}/{name}"
        if not isinstance(self.fs, LocalFileSystem):
            self.fs.pipe_file(path, body)
            return
        atomic.write(Path(path), body)


def _same(folder: Folder, standing: WeekManifest, wanted: WeekManifest) -> None:
    """Raise UserError where another content stands."""
    if standing.stamp.files == wanted.stamp.files:
        return
    other = [name for name, one in wanted.stamp.files.items() if standing.stamp.files.get(name) != one]
    changed = [f"{target} by {standing.models.get(target) or 'nobody'}, now {model or 'nobody'}"
               for target, model in wanted.models.items() if standing.models.get(target) != model]  # fmt: skip
    why = f" Models: {'; '.join(changed)}." if changed else ""
    raise UserError(
        f"{folder.path}/{standing.date} is published with other content ({', '.join(other)}) and is never overwritten."
        f"{why} Keep it, or take it back first: "
        f"`cerebro export withdraw {standing.country} {standing.date}`."
    )

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
from scv import atomic, machine, stamp
from scv.errors import NoWeek, UserError
from scv.events import calendar
from scv.events.country import Country
from scv.stamp import Stamp, Written

MANIFEST = "manifest.json"
LATEST = "latest.json"
WITHDRAWN = "withdrawn"


@dataclass(frozen=True, eq=False)
class Week:
    """A published folder and its manifest; `at` is the reference that the folder is named by."""

    folder: Folder
    at: datetime
    manifest: WeekManifest

    def scores(self, **wanted: Any) -> pa.Table:
        """The scores of everyone, or what is `wanted` of them (pyarrow's `columns`, `filters`). Raises as `file`."""
        body = self.file(f"scores_{self.manifest.country}_{self.manifest.date}.parquet")
        return pq.read_table(io.BytesIO(body), **wanted)

    def file(self, name: str) -> bytes:
        """One of its files. Raises NoWeek if it is not the one that was published."""
        body = self._body(name)
        why = self.manifest.stamp.why_not(Stamp(files={name: stamp.sha256_of(body)}))
        if why:
            raise self.folder.refused(self.at, why)
        return body

    def why_not(self, log: Mapping[str, str], content: bool = True) -> str:
        """Why it may not be used, in words; "" where it may.

        `log` are the ids of the lake's tables; see `manifest.why_not`. With `content` every file is compared with its
        hash; who reads the scores alone need not, for reading compares them.
        """
        why = manifests.why_not(self.manifest, self.folder.country, self.at, log)
        return why or (self.damage() if content else "")

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


def _opened(url: str) -> tuple[Any, str]:
    """The file system and the path in it. What lies there is asked each time: others write there as well.

    Raises UserError for a URL that fsspec does not know, or whose package is not installed.
    """
    try:
        found: tuple[Any, str] = fsspec.core.url_to_fs(url, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        more = " (pip install 'cerebro[s3]')" if url.startswith("s3:") else ""
        raise UserError(f"CEREBRO_EXPORTS is {url!r}: {error}{more}.") from error
    return found


class Folder:
    """The weeks of one country. `url` is what fsspec takes: a path, s3://…, memory://…"""

    def __init__(self, url: str, country: Country) -> None:
        self.fs, path = _opened(url)
        self.path = f"{path.rstrip('/')}/{country.code}"
        self.country = country

    def references(self) -> list[datetime]:
        """The references of every published week, oldest first."""
        if not self.fs.exists(self.path):
            return []
        self.fs.invalidate_cache(self.path)
        names = [entry["name"].rsplit("/", 1)[-1] for entry in self.fs.ls(self.path, detail=True)]
        known = [(calendar.of_label(name, self.country), f"{self.path}/{name}/{MANIFEST}") for name in names]
        return sorted(at for at, name in known if at is not None and self.fs.exists(name))

    def taken_back(self) -> list[datetime]:
        """The references of every week that was withdrawn, also where another one stands there now."""
        self.fs.invalidate_cache(self.path)
        folders = [path.rsplit("/", 2)[-2] for path in self.fs.glob(f"{self.path}/{WITHDRAWN}/*/{MANIFEST}")]
        known = {calendar.of_label(name.rpartition(".")[0], self.country) for name in folders}
        return sorted(at for at in known if at is not None)

    def usable(self, at: datetime, log: Mapping[str, str], content: bool = False) -> Week | None:
        """The week published for a reference; None where there is none. See `Week.why_not`.

        Raises NoWeek where it may not be used.
        """
        week = self.week(at)
        why = week.why_not(log, content) if week else ""
        if why:
            raise self.refused(at, why)
        return week

    def week(self, at: datetime) -> Week | None:
        """What stands published for a reference, whatever is asked today; None where there is none (or half of one).

        Raises NoWeek where its manifest cannot be read.
        """
        try:
            return Week(self, at, manifests.decode(self.read(f"{calendar.label(at, self.country)}/{MANIFEST}")))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise self.refused(at, f"{error}") from error

    def written(self) -> Iterator[Written]:
        """Every file of the published weeks, whatever is asked today."""
        code, published = self.country.code, self.references()
        if published:
            mends = f"Run `cerebro export {code} -d {calendar.label(published[-1], self.country)}`"
            why = "" if self.is_pointed() else "it does not name the newest week"
            yield stamp.judged("exports", code, f"{self.path}/{LATEST}", why, mends)
        for at in published:
            date = calendar.label(at, self.country)
            mends = f"Bring it back from a copy, or run `cerebro export withdraw {code} {date}`"
            mends += f", then `cerebro week {code} -d {date}`"
            try:
                made, why = manifests.decode(self.read(f"{date}/{MANIFEST}")), ""
            except ValueError as error:
                made, why = None, f"{error}"
            yield stamp.judged("exports", code, f"{self.path}/{date}/{MANIFEST}", why, mends)
            sums = {name: made.stamp.files.get(name, "") for name in made.files} if made else {}
            for name, sha256 in sums.items():
                measure = functools.partial(self._measure, f"{date}/{name}")
                yield Written("exports", code, f"{self.path}/{date}/{name}", sha256, measure, mends)

    def _measure(self, name: str) -> tuple[int, str]:
        body = self.read(name)
        return len(body), stamp.sha256_of(body)

    def refused(self, at: datetime, why: str) -> NoWeek:
        """What is said to whoever needs a week that may not be used."""
        code, date = self.country.code, calendar.label(at, self.country)
        return NoWeek(
            f"The week {date} of {code} in {self.path} cannot be used: {why}. Bring back what it was, or take it "
            f"back with `cerebro export withdraw {code} {date}`: then `cerebro week {code} -d {date}` makes it anew."
        )

    def publish(self, manifest: WeekManifest, files: Mapping[str, bytes]) -> bool:
        """Write a week; False where the same one stands already (nothing is touched).

        Raises UserError where another content stands under that date, or another process is publishing.
        """
        body = manifests.encode(manifest)
        with claimed(self.fs, self.path, f"publish {manifest.date} {stamp.sha256_of(body)}"):
            standing = self.week(manifest.reference)
            if standing is not None:
                if other := manifests.other_content(standing.manifest, manifest):
                    raise UserError(
                        f"{self.path}/{manifest.date} is published with {other} Keep it, or take it back first: "
                        f"`cerebro export withdraw {manifest.country} {manifest.date}`."
                    )
                self._point(self.references())
                return False
            for name, content in files.items():
                self.put(f"{manifest.date}/{name}", content)
            self.put(f"{manifest.date}/{MANIFEST}", body)
            self._point(self.references())
            return True

    def is_pointed(self) -> bool:
        """Does `latest.json` name the newest week? Not where a publication was killed before this last step of it."""
        return self._pointer() == self._latest(self.references())

    def finish(self) -> None:
        """Do that last step. Raises UserError while another export is at work."""
        if not self.is_pointed():
            with claimed(self.fs, self.path, LATEST):
                self._point(self.references())

    def withdraw(self, at: datetime) -> Withdrawn:
        """Take a week back: `latest.json` names the newest that remains, then the folder is moved aside.

        The same again does nothing. Raises UserError where no such week was published.
        """
        date = calendar.label(at, self.country)
        with claimed(self.fs, self.path, f"withdraw {date}"):
            published = self.references()
            remain = [one for one in published if one != at]
            earlier = self.fs.glob(f"{self.path}/{WITHDRAWN}/{date}.*/{MANIFEST}")
            times = max((int(path.rsplit("/", 2)[-2].rsplit(".", 1)[-1]) for path in earlier), default=0)
            if at not in published and not times:
                raise UserError(f"No week {date} is published in {self.path}: there is nothing to take back.")
            anew = at in published and not self._copied(date, times)
            aside = f"{WITHDRAWN}/{date}.{times + anew}"
            self._point(remain)
            self._move(date, aside)
            return Withdrawn(f"{self.path}/{aside}", max(remain, default=None), new=at in published)

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
                with machine.at(source):
                    atomic.patiently(lambda: Path(source).rename(target))
            return
        names = sorted((path.rsplit("/", 1)[-1] for path in self.fs.find(source)), key=lambda name: name == MANIFEST)
        if MANIFEST in names:
            for name in names:
                self.fs.pipe_file(f"{target}/{name}", self.fs.cat_file(f"{source}/{name}"))
        for name in reversed(names):
            self.fs.rm_file(f"{source}/{name}")

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises FileNotFoundError."""
        return bytes(self.fs.cat_file(f"{self.path}/{name}"))

    def _point(self, published: Sequence[datetime]) -> None:
        """Let `latest.json` name the newest of these weeks, in which order they may have come; without any it goes."""
        body, there = self._latest(published), self._pointer()
        if body and there != body:
            self.put(LATEST, body)
        elif there and not body:
            self.fs.rm_file(f"{self.path}/{LATEST}")

    def _pointer(self) -> bytes:
        return self.read(LATEST) if self.fs.exists(f"{self.path}/{LATEST}") else b""

    def _latest(self, published: Sequence[datetime]) -> bytes:
        """What `latest.json` says where these weeks stand; empty where none does."""
        if not published:
            return b""
        date = calendar.label(max(published), self.country)
        list_id = manifests.list_id(self.read(f"{date}/{MANIFEST}"))
        body = msgspec.json.encode({"date": date, "list_id": list_id, "manifest": f"{date}/{MANIFEST}"}, order="sorted")
        return msgspec.json.format(body, indent=2) + b"\n"

    def put(self, name: str, body: bytes) -> None:
        """A whole file in one step: renamed into place on a disk; object stores show it whole by themselves."""
        if isinstance(self.fs, LocalFileSystem):
            atomic.write(Path(f"{self.path}/{name}"), body)
        else:
            self.fs.pipe_file(f"{self.path}/{name}", body)

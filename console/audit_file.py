"""Who did what in the console: a line of JSON for every act that changes something or shows a customer.

    HOME/console/audit/2026-11-27.jsonl      a file for each day of UTC, the owner's alone (0600)

Of a customer it holds the id and nothing else, and no id of whom was erased.
"""

from __future__ import annotations

import functools
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from datetime import date, datetime, timedelta
from io import FileIO
from pathlib import Path

import msgspec

from scv import machine
from scv.events import customer_id
from scv.events.calendar import from_us
from scv.events.clock import wall_us
from scv.leftover import Leftover, leftover

KIND = "console"
_LONGEST = 200
"""Of a caller's name, which his token chose."""


class AuditLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One act. `what` is its row in the table of rights, `result` the reply's status, `country` several with blanks
    between; `customer` is left out where it was about nobody in particular, and empty where he was erased since."""

    at: datetime
    who: str
    roles: str
    what: str
    result: int
    country: str = ""
    customer: str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AuditLine).decode


class AuditFile:
    """Appends lines, for one thread; keeps `days` of them (0: all)."""

    def __init__(self, folder: Path, days: int, now_us: Callable[[], int] = wall_us) -> None:
        self._folder, self._days, self._now_us = folder, days, now_us
        self._file: FileIO | None = None
        self._day: date | None = None

    def ready(self) -> None:
        """Open today's file. Raises NoRoom or BadPlace, so that nothing is done which could not be written down."""
        today = from_us(self._now_us()).date()
        if self._file is not None and self._day == today:
            return
        self.close()
        with machine.at(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / f"{today}.jsonl"
            file = FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b")
            if (size := file.seek(0, os.SEEK_END)) and os.pread(file.fileno(), 1, size - 1) != b"\n":
                file.write(b"\n")  # after what a killed console left of a line
            self._file, self._day = file, today
            for one in past(self._folder, self._days, today):
                one.remove()

    def write(self, who: str, roles: Collection[str], what: str, result: int, about: tuple[str, str | None]) -> None:
        """Note an act; `about`: countries and customer. Raises as `ready` does."""
        self.ready()
        country, customer = about
        if customer is not None and customer_id.why_not(customer):
            customer = None  # of nobody: there is no such id
        line = AuditLine(
            at=from_us(self._now_us()), who=who[:_LONGEST], roles=" ".join(sorted(roles)), what=what, result=result,
            country=country, customer=customer,
        )  # fmt: skip
        assert self._file is not None
        with machine.at(self._folder):
            self._file.write(_encode(line) + b"\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def files(folder: Path) -> list[Path]:
    """The files of a folder, oldest first."""
    return sorted(path for path in folder.glob("*.jsonl") if _day_of(path) is not None)


def read(folder: Path) -> Iterator[AuditLine | str]:
    """Every line, oldest first; where one cannot be read, the name of its file and its number."""
    for path in files(folder):
        for number, text in enumerate(path.read_bytes().split(b"\n"), 1):
            if not text.strip():
                continue
            try:
                yield _decode(text)
            except msgspec.MsgspecError:
                yield f"{path.name} line {number}"


def past(folder: Path, days: int, today: date | None = None) -> Iterator[Leftover]:
    """The files of days that are kept no longer (0 days: all are)."""
    first = (today or from_us(wall_us()).date()) - timedelta(days=days)
    for path in files(folder) if days else []:
        day = _day_of(path)
        if day is not None and day < first:
            yield leftover(KIND, "", path, functools.partial(_remove, path))


def about(folder: Path, country: str, gone: Collection[str]) -> Counter[str]:
    """Lines by file that name customers of a country who were erased."""
    found = Counter[str]()
    for path in files(folder) if gone else []:
        lines = sum(_names(text, country, gone) is not None for text in path.read_bytes().split(b"\n"))
        found |= Counter({path.name: lines} if lines else {})
    return found


def forget(folder: Path, country: str, gone: Collection[str]) -> Counter[str]:
    """Take the ids out of those lines, in place, for a console may be writing behind them; how many by file."""
    found = about(folder, country, gone)
    for name in found:
        start = 0
        with (folder / name).open("r+b") as file:
            for text in (folder / name).read_bytes().split(b"\n"):
                if word := _names(text, country, gone):
                    file.seek(start + len(text) - 1 - len(word))
                    file.write(b'""'.ljust(len(word)))
                start += len(text) + 1
    return found


def _names(text: bytes, country: str, gone: Collection[str]) -> bytes | None:
    """The id as it stands at the line's end, if that is of somebody who was erased: whenever the line was written,
    for a replay's clock is not the console's."""
    try:
        line = _decode(text)
    except msgspec.MsgspecError:
        return None
    word = _encode(line.customer)
    there = country in line.country.split() or not line.country
    known = line.customer in gone and there and text.endswith(word + b"}")
    return word if known else None


def _day_of(path: Path) -> date | None:
    try:
        return date.fromisoformat(path.stem)
    except ValueError:
        return None


def _remove(path: Path) -> bool:
    path.unlink(missing_ok=True)
    return True

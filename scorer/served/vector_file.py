"""Served vectors on disk: lines of JSON in files of bounded number, size and age.

    HOME/vectors/STARTED-PID-NUMBER.jsonl      one line per record: its check, and a `model` or a `served` record

The oldest files go when the folder is full or they are past their days. They are the owner's alone (0600): they hold
what lake and snapshots hold, by customer.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
from pathlib import Path

import msgspec

from scv import stamp
from scv.events.calendar import DAY_US, to_us
from scv.events.clock import wall_us
from scv.events.mark import Mark
from scv.leftover import Leftover, leftover
from scv.model.column import Column
from scv.stamp import Written

PARTS = 8
"""Files that the folder's limit is shared by."""


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True, tag="model"):
    """The columns of the vectors that follow in this file, with the fingerprints they had."""

    id: str
    country: str
    target: str
    columns: tuple[Column, ...]


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """One target: the vector that the model was given (None: missing), and the probability that was answered; of a
    second one of a target, the shadow's, what it would have answered."""

    target: str
    model: str
    vector: list[float | None]
    probability: float


class ServedRecord(msgspec.Struct, frozen=True, kw_only=True, tag="served"):
    """One live answer about one customer.

    `at` is the instant of the read, UTC; `places`, by family, where the online consumer stood: every record before was
    applied; `upto`, by fetcher, is the last offset that the row which was read holds, None where there was none.
    """

    country: str
    customer_id: str
    at: datetime
    places: dict[str, Mark]
    upto: dict[str, int | None]
    scores: list[Scored]


Record = ModelRecord | ServedRecord


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A record as it was written, and the check of its bytes."""

    check: str
    record: msgspec.Raw


@dataclass(frozen=True)
class ReadVector:
    """One served record with its models; `intact` says whether its bytes are those that were written."""

    served: ServedRecord
    models: dict[tuple[str, str], ModelRecord]
    intact: bool


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)
_lines = msgspec.json.Decoder(Line)


def check_of(body: bytes) -> str:
    """16 hex digits of a record's bytes."""
    return hashlib.sha256(body).hexdigest()[:16]


class VectorFile:
    """Appends records, for one thread."""

    def __init__(self, folder: Path, most_bytes: int, days: int = 0) -> None:
        self._folder, self._most, self._days = folder, most_bytes, days
        self._file: FileIO | None = None
        self._size = self._number = 0
        self._known: set[tuple[str, str, str]] = set()

    def write(self, served: ServedRecord, models: list[ModelRecord]) -> None:
        """One record, after those of its models that this file does not have. Raises OSError."""
        if self._file is None or self._size >= self._most // PARTS:
            self._begin()
        new = [one for one in models if (one.country, one.target, one.id) not in self._known]
        self._known |= {(one.country, one.target, one.id) for one in new}
        records: list[Record] = [*new, served]
        body = b"".join(map(_line, records))
        assert self._file is not None
        self._file.write(body)
        self._size += len(body)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self.close()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._trim()
        path = self._folder / f"{wall_us():018d}-{os.getpid()}-{self._number}.jsonl"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._file, self._size, self._known = FileIO(descriptor, "wb"), 0, set()
        self._number += 1

    def _trim(self) -> None:
        """Room for one more file; the oldest go first."""
        sizes = {path: path.stat().st_size for path in files(self._folder) if path.exists()}
        total = sum(sizes.values())
        for path, size in sizes.items():
            if total > self._most - self._most // PARTS or _past(path, self._days):
                path.unlink(missing_ok=True)
                total -= size


def _line(record: Record) -> bytes:
    body = _encoder.encode(record)
    return _encoder.encode(Line(check=check_of(body), record=msgspec.Raw(body))) + b"\n"


def files(folder: Path) -> list[Path]:
    """The files of a folder, oldest first."""
    return sorted(path for path in folder.glob("*-*-*.jsonl") if path.name.partition("-")[0].isdigit())


def _past(path: Path, days: int) -> bool:
    """Was a file begun so many days ago? 0 days: none ever is."""
    return days > 0 and int(path.name.partition("-")[0]) < wall_us() - days * DAY_US


def past(folder: Path, days: int) -> Iterator[Leftover]:
    """The files that were begun so many days ago (0: none), whether a scorer runs or not."""
    for path in files(folder):
        if _past(path, days):
            yield leftover("vectors", "", path, functools.partial(_remove, path))


def _remove(path: Path) -> bool:
    path.unlink(missing_ok=True)
    return True


def named(folder: Path) -> set[str]:
    """The ids of the models that the vectors are of."""
    return {name for one in read(folder) if isinstance(one, ReadVector) for _, name in one.models}


def read(folder: Path) -> Iterator[ReadVector | str]:
    """Every served record, oldest first; where a line cannot be read, the name of its file and its number."""
    for path in files(folder):
        models: dict[tuple[str, str], ModelRecord] = {}
        for number, text in enumerate(path.read_bytes().splitlines(), 1):
            if not text.strip():  # what an erasure left of a line
                continue
            try:
                line = _lines.decode(text)
                record = _decoder.decode(line.record)
            except msgspec.MsgspecError:  # the last line of a scorer that was killed, or a damaged one
                yield f"{path.name} line {number}"
                continue
            if isinstance(record, ModelRecord):
                models = models | {(record.target, record.id): record}
            else:
                yield ReadVector(record, models, check_of(bytes(line.record)) == line.check)


def about(folder: Path, country: str, gone: Mapping[str, int]) -> Counter[str]:
    """Lines by file about customers who were erased since (`gone`: customer → us)."""
    found = Counter[str]()
    for path in files(folder) if gone else []:
        lines = sum(_is_about(text, country, gone) for text in path.read_bytes().splitlines())
        found |= Counter({path.name: lines} if lines else {})
    return found


def forget(folder: Path, country: str, gone: Mapping[str, int]) -> Counter[str]:
    """Blank those lines, in place, for a scorer may be writing behind them; how many by file."""
    found = about(folder, country, gone)
    for name in found:
        start = 0
        with (folder / name).open("r+b") as file:
            for text in (folder / name).read_bytes().splitlines(keepends=True):
                if _is_about(text, country, gone):
                    file.seek(start)
                    file.write(b" " * len(text.rstrip(b"\n")))
                start += len(text)
    return found


def _is_about(text: bytes, country: str, gone: Mapping[str, int]) -> bool:
    try:
        record = _decoder.decode(_lines.decode(text).record)
    except msgspec.MsgspecError:
        return False
    if not isinstance(record, ServedRecord) or record.country != country:
        return False
    return to_us(record.at) <= gone.get(record.customer_id, -1)


def written(folder: Path) -> Iterator[Written]:
    """Every file, judged by the checks of its lines; after the last whole one a killed scorer may have left a part."""
    for path in files(folder):
        lines = path.read_bytes().split(b"\n")[:-1]
        wrong = next((number for number, text in enumerate(lines, 1) if not _intact(text)), 0)
        why = f"line {wrong} is not what was written" if wrong else ""
        mends = "Remove it: nothing but `cerebro parity --served` reads it"
        yield stamp.judged("vectors", "", str(path), why, mends)


def _intact(text: bytes) -> bool:
    if not text.strip():
        return True
    try:
        line = _lines.decode(text)
    except msgspec.MsgspecError:
        return False
    return check_of(bytes(line.record)) == line.check

"""Jobs and their cells in a small database file: they outlive the console that took them.

Every change has a number, `change`, that only rises: whoever follows a job asks for what came after the newest that he
knows. Cells are country × date × fetcher.
"""

from __future__ import annotations

import errno
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec

from console.order import FetchPlan
from scv import machine
from scv.events import calendar, clock
from scv.events.country import Country

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
CellState = Literal["queued", "running", "done", "kept", "failed", "cancelled"]
OPEN = ("queued", "running")
MOST_KEPT = 1000
"""Jobs that ended; the oldest go first."""
_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE, key TEXT UNIQUE, plan TEXT, state TEXT, change INTEGER,
    created TEXT, started TEXT, ended TEXT, error TEXT DEFAULT ''
);
CREATE TABLE IF NOT EXISTS cells (
    job INTEGER, country TEXT, date TEXT, fetcher TEXT, state TEXT, change INTEGER, rows INTEGER, seconds REAL,
    error TEXT DEFAULT '', PRIMARY KEY (job, country, date, fetcher)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cells_by_change ON cells (job, change);
"""
_NUMBERS = {
    sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_READONLY: errno.EROFS, sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_IOERR: errno.EIO,
}  # fmt: skip
"""What SQLite says, as the operating system does."""
_CELL = "country, date, fetcher, state, rows, seconds, error"


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One fetcher of a country at a date. `date` as the plan's label; `seconds` those of all its dates together."""

    country: str
    date: str
    fetcher: str
    state: CellState
    rows: int | None = None
    seconds: float | None = None
    error: str = ""


class KeyTaken(Exception):
    """An idempotency key that stands for another plan."""


class Crowded(Exception):
    """As many jobs wait as may."""


class Jobs:
    """The jobs of a console; from any thread."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.RLock()
        with _usable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            self._connection.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; {_TABLES}")

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    # -- writing -----------------------------------------------------------------------------------------------
    def add(self, plan: FetchPlan, places: Mapping[str, Country], key: str | None = None, most: int = 32) -> str:
        """A new job's id, or the id of the one that the key stands for already.

        Raises KeyTaken, and Crowded where `most` jobs have not ended.
        """
        body = msgspec.json.encode(plan).decode()
        with self._writing() as (write, change):
            if key is not None and (known := write("SELECT id, plan FROM jobs WHERE key = ?", key).fetchone()):
                if known["plan"] != body:
                    raise KeyTaken
                return str(known["id"])
            if write(f"SELECT count(*) FROM jobs WHERE state IN {OPEN}").fetchone()[0] >= most:
                raise Crowded
            job_id = secrets.token_hex(8)
            columns = "INSERT INTO jobs (id, key, plan, state, change, created) VALUES (?, ?, ?, 'queued', ?, ?)"
            number = write(columns, job_id, key, body, change, _now()).lastrowid
            for code, at, name in plan.cells():
                cell = (number, code, calendar.label(at, places[code]), name, change)
                write(
                    "INSERT INTO cells (job, country, date, fetcher, state, change) VALUES (?,?,?,?,'queued',?)", *cell
                )
            write(
                f"DELETE FROM jobs WHERE state NOT IN {OPEN} AND number <= (SELECT max(number) FROM jobs) - ?",
                MOST_KEPT,
            )
            write("DELETE FROM cells WHERE job NOT IN (SELECT number FROM jobs)")
            return job_id

    def take(self) -> tuple[str, FetchPlan] | None:
        """The oldest job that waits, which is running from now on; None where none does."""
        with self._writing() as (write, change):
            found = write("SELECT id, plan FROM jobs WHERE state = 'queued' ORDER BY number").fetchone()
            if found is None:
                return None
            begin = "UPDATE jobs SET state = 'running', started = coalesce(started, ?), change = ? WHERE id = ?"
            write(begin, _now(), change, found["id"])
            return str(found["id"]), msgspec.json.decode(found["plan"], type=FetchPlan)

    def tell(self, job_id: str, cells: Iterable[Cell]) -> None:
        """What became of cells."""
        with self._writing() as (write, change):
            number = self._number(write, job_id)
            for one in cells:
                facts = (one.state, one.rows, one.seconds, one.error, change)
                where = (number, one.country, one.date, one.fetcher)
                write(
                    "UPDATE cells SET state = ?, rows = ?, seconds = ?, error = ?, change = ?"
                    " WHERE job = ? AND country = ? AND date = ? AND fetcher = ?",
                    *facts, *where,
                )  # fmt: skip

    def end(self, job_id: str, cancelled: bool = False, error: str = "") -> None:
        """A job ends, as failed where a cell is or an error is given; cells that are still open say the same."""
        with self._writing() as (write, change):
            number, left = self._number(write, job_id), "cancelled" if cancelled else "failed"
            open_cells = f"UPDATE cells SET state = ?, error = ?, change = ? WHERE job = ? AND state IN {OPEN}"
            write(open_cells, left, "" if cancelled else error or "It was not reached.", change, number)
            bad = error or write("SELECT 1 FROM cells WHERE job = ? AND state = 'failed' LIMIT 1", number).fetchone()
            ended = ("cancelled" if cancelled else "failed" if bad else "done", _now(), error, change, number)
            write("UPDATE jobs SET state = ?, ended = ?, error = ?, change = ? WHERE number = ?", *ended)

    def put_back(self) -> None:
        """What a console that is gone was at waits again, where it stopped."""
        with self._writing() as (write, change):
            write("UPDATE jobs SET state = 'queued', change = ? WHERE state = 'running'", change)
            write("UPDATE cells SET state = 'queued', change = ? WHERE state = 'running'", change)

    # -- reading -----------------------------------------------------------------------------------------------
    def listed(self, most: int = 50) -> list[dict[str, Any]]:
        """The newest jobs, without their cells."""
        return [self._job(row) for row in self._all("SELECT * FROM jobs ORDER BY number DESC LIMIT ?", most)]

    def job(self, job_id: str) -> dict[str, Any] | None:
        """One job without its cells; `counts` says how many are in which state."""
        rows = self._all("SELECT * FROM jobs WHERE id = ?", job_id)
        return self._job(rows[0]) if rows else None

    def countries(self, job_id: str) -> list[str] | None:
        """Which a job is about; None: there is no such job."""
        found = self.job(job_id)
        return None if found is None else list(found["countries"])

    def plan(self, job_id: str) -> FetchPlan:
        """What a job that there is was asked for."""
        (row,) = self._all("SELECT plan FROM jobs WHERE id = ?", job_id)
        return msgspec.json.decode(row["plan"], type=FetchPlan)

    def cells(self, job_id: str, after: int = -1) -> list[Cell]:
        """The cells of a job that changed after a change, in the plan's order."""
        query = f"""SELECT {_CELL} FROM cells WHERE job = (SELECT number FROM jobs WHERE id = ?) AND change > ?
                    ORDER BY country, date, fetcher"""
        return [Cell(**dict(row)) for row in self._all(query, job_id, after)]

    def _job(self, row: sqlite3.Row) -> dict[str, Any]:
        counts = self._all("SELECT state, count(*) AS n FROM cells WHERE job = ? GROUP BY state", row["number"])
        newest = self._all("SELECT max(change) AS newest FROM cells WHERE job = ?", row["number"])[0]["newest"]
        facts = {name: row[name] for name in ("id", "state", "created", "started", "ended", "error")}
        plan = msgspec.json.decode(row["plan"], type=FetchPlan)
        more = {"fetchers": plan.fetchers or None, "workers": plan.workers, "countries": list(plan.references)}
        return (
            facts | more | {"counts": {one["state"]: one["n"] for one in counts}, "change": max(row["change"], newest)}
        )

    def _all(self, query: str, *values: object) -> list[sqlite3.Row]:
        with self._lock, _usable(self._path):
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _writing(self) -> Iterator[tuple[Any, int]]:
        """One transaction: how to write, and the number of this change."""
        with self._lock, _usable(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                newest = "SELECT max(c) FROM (SELECT max(change) AS c FROM jobs UNION SELECT max(change) FROM cells)"
                change = (self._connection.execute(newest).fetchone()[0] or 0) + 1
                yield lambda query, *values: self._connection.execute(query, values), change
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _number(self, write: Any, job_id: str) -> int:
        return int(write("SELECT number FROM jobs WHERE id = ?", job_id).fetchone()["number"])


@contextmanager
def _usable(path: Path) -> Iterator[None]:
    """Inside, what the machine cannot do with a database file is raised in our words: NoRoom, BadPlace, Damaged."""
    with machine.at(path):
        try:
            yield
        except sqlite3.DatabaseError as error:
            code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise machine.damaged(path, str(error)) from error
            if code not in _NUMBERS:
                raise
            raise OSError(_NUMBERS[code], str(error)) from error


def _now() -> str:
    return calendar.from_us(clock.wall_us()).isoformat(timespec="milliseconds")

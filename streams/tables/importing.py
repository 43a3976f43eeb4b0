"""Tables in, a history out: read by a map, summed, judged as a replay will judge it, and only then written."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from scv.errors import UserError
from scv.events import country
from scv.events.hashed_id import IdKey
from scv.settings import Settings
from streams.replay.columns import SCHEMA, write_parquet
from streams.tables import conventions, files
from streams.tables.cells import BadCell
from streams.tables.mapping import Map
from streams.tables.rows import LeftOut, RowReader
from streams.tables.sums import Summed, Sums
from streams.tables.tally import Tally
from streams.tables.verdicts import Verdicts

PREVIEW = 10
Report = Callable[[str, int, int], None]


class Imported(msgspec.Struct, frozen=True):
    """What tables gave: `events` in columns of the published schemas, and sentences about how cells were `read` and
    what a replay would not count (`losses`). `repeated` rows stand in another file, or twice with one id.
    """

    events: pa.Table
    tally: Tally
    repeated: int
    losses: list[str]
    read: list[str]

    @property
    def stops(self) -> bool:
        """Is there anything that nobody would want to lose unseen?"""
        return bool(self.tally.bad or self.losses)

    def preview(self) -> tuple[list[str], list[list[object]]]:
        """Columns and the first rows of the events."""
        first = self.events.slice(0, PREVIEW).to_pylist()
        return self.events.column_names, [["" if value is None else value for value in row.values()] for row in first]

    def said(self) -> list[str]:
        """Sentences: how the tables were read, what became of their rows, and what a replay will say."""
        repeated = [f"Repeated: {_rows(self.repeated)}. Each counts once."] if self.repeated else []
        total = f"{_rows(self.tally.rows)} gave {len(self.events):,} events"
        total += "." if self.losses or not len(self.events) else ", all of which a replay into an empty log counts."
        return [*self.read, *self.tally.lines(), *repeated, *self.losses, total]

    def facts(self) -> dict[str, Any]:
        """The same for machines."""
        kinds = self.events["kind"].value_counts().to_pylist() if len(self.events) else []
        bad = {reason: {"rows": count, "first": self.tally.first[reason]} for reason, count in self.tally.bad.items()}
        return {
            "rows": self.tally.rows,
            "events": {one["values"]: one["counts"] for one in kinds},
            "left_out": self.tally.left_out,
            "bad": bad,
            "repeated": self.repeated,
            "losses": self.losses,
            "read": self.read,
        }


def read(
    paths: Sequence[Path], map: Map, settings: Settings, key: IdKey | None = None, report: Report = lambda *_: None
) -> Imported:
    """The events of these tables; nothing is written. With a `key` hashes stand for customer ids. `report` hears the
    stage, and of the two that read files how many of their kilobytes are behind.

    Raises UserError for what stops it at once.
    """
    found, tally = files.find(paths), Tally()
    tables = [files.TableFile(path, map) for path in found]
    chosen = conventions.look(_heard(tables, "Looking, kB", report), map)
    with tempfile.TemporaryDirectory(prefix="cerebro-import-") as scratch:
        sums = summed(_heard(tables, "Reading, kB", report), map, chosen, tally, settings)
        report("Judging", 0, 0)
        events = Verdicts(sums.events, found, settings, Path(scratch)).taken(tally)
        losses = Verdicts(events, found, settings, Path(scratch)).losses()
    events = events.select([name for name in SCHEMA.names if name in events.column_names])
    if key is not None:
        hashes = pa.array([key.hashed(one) for one in events["customer_id"].to_pylist()], pa.string())
        events = events.set_column(events.column_names.index("customer_id"), "customer_id", hashes)
    return Imported(events, tally, sums.repeated, losses, [*chosen.said(), *files.said(tables)])


def summed(
    tables: Iterable[files.TableFile], map: Map, chosen: conventions.Conventions, tally: Tally, settings: Settings
) -> Summed:
    """The events of these files by a map, before anybody judged them."""
    load = functools.cache(lambda code: country.load(code, settings.countries_path))
    reader = RowReader(map, chosen, load)
    with Sums(map, settings.memory, settings.threads) as sums:
        for number, table in enumerate(tables):
            _take(table, number, reader, sums, tally)
        return sums.events()


def _heard(tables: Sequence[files.TableFile], stage: str, report: Report) -> Iterator[files.TableFile]:
    """The files one after the other, while `report` hears how far they are read."""
    before, total = 0, sum(table.size for table in tables)
    for table in tables:
        table.heard = functools.partial(_report_kb, report, stage, before, total)
        yield table
        before += table.size


def _report_kb(report: Report, stage: str, before: int, total: int, passed: int) -> None:
    report(stage, (before + passed) // 1000, total // 1000)


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def write(imported: Imported, out: Path) -> None:
    """Write the history, whole or not at all. Raises UserError where something stands there."""
    refuse_taken(out, ".parquet")
    if not len(imported.events):
        raise UserError("There is no event to write.")
    write_parquet(imported.events, out)


def refuse_taken(out: Path, ending: str) -> None:
    """Raises UserError where nothing can be written."""
    if out.exists():
        raise UserError(f"{out} is there already. Remove it, or choose another name.")
    if out.suffix != ending:
        raise UserError(f"--out {out}: the name must end in {ending}.")


def _take(table: files.TableFile, number: int, reader: RowReader, sums: Sums, tally: Tally) -> None:
    for row_no, row in table.rows:
        tally.rows += 1
        try:
            if isinstance(row, BadCell):
                raise row
            sums.add(number, row_no, reader.lines(row))
        except LeftOut as reason:
            tally.left_out[str(reason)] += 1
        except BadCell as bad:
            tally.refuse(bad.reason, str(table.path), row_no, repr(bad.value))
            order = reader.order(row) if isinstance(row, dict) else None
            tally.orders |= {order} if order else set()

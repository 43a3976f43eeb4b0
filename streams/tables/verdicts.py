"""What a replay will say of events, said of the rows that they came from: which are bad, and which will not count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from scv.events import country
from scv.events.calendar import from_us, written
from scv.settings import Settings
from streams.replay import refusals
from streams.replay.columns import SCHEMA, write_parquet
from streams.replay.history import History
from streams.replay.refusals import BadReason
from streams.tables.tally import Tally


class Verdicts:
    """About `events`, which are as `streams.tables.sums.Summed` has them; `files` are where they came from."""

    def __init__(self, events: pa.Table, files: Sequence[Path], settings: Settings, scratch: Path) -> None:
        self._events, self._files, self._settings, self._scratch = events, files, settings, scratch
        self._places = [(one["file_no"], one["row_no"]) for one in events["place"].to_pylist()]
        self._known = country.known(settings.countries_path)

    def taken(self, tally: Tally) -> pa.Table:
        """The events that every consumer takes; the others go to the tally."""
        bad: dict[int, BadReason] = {}
        named = zip(*(self._events[name].to_pylist() for name in ("lacks", "id", "kind")), strict=True)
        for n, (field, id, kind) in enumerate(named):
            if tally.orders and id.removesuffix(f":{kind}") in tally.orders:
                bad[n] = BadReason("another line of it is bad", repr(id))
            elif field is not None:
                bad[n] = BadReason(f"{field}: empty", "''")
        bounds = {code: refusals.bounds_us(self._known[code]) for code in self._events["country"].unique().to_pylist()}
        with self._history(self._events) as history:
            for family, key, value, seen_us, _, n in history.records():
                found = _outside(key, seen_us, bounds) or refusals.problem(family, key, value, seen_us, self._known)
                if found is not None:
                    bad.setdefault(n, found)
        for n in sorted(bad, key=self._places.__getitem__):
            file_no, row_no = self._places[n]
            tally.refuse(bad[n].reason, str(self._files[file_no]), row_no, bad[n].said)
        return self._events.filter(pa.array([n not in bad for n in range(len(self._events))], pa.bool_()))

    def losses(self) -> list[str]:
        """Sentences about events that were meant to count and will not."""
        if not len(self._events):
            return []
        codes = self._events["country"].unique().to_pylist()
        with self._history(self._events) as history:
            forecast = history.forecast([self._known[code] for code in codes])
        said = {why: one._replace(first=self._place(one.first[1])) for why, one in forecast.uncounted.items()}
        advice = ['Write `rows = "lines"` in the map to sum them.'] if "changed" in said else []
        return forecast._replace(uncounted=said).losses(self._files) + advice

    def _place(self, n: int) -> tuple[int, int]:
        file_no, row_no = self._places[n]
        return file_no, row_no - 1

    def _history(self, events: pa.Table) -> History:
        """Events as a replay reads them; the row of a record is its place in `events`, which are in order of time."""
        names = [name for name in SCHEMA.names if name in events.column_names]
        path = write_parquet(events.select(names), self._scratch / "events.parquet")
        return History(path, memory=self._settings.memory, threads=self._settings.threads)


def _outside(key: bytes | None, seen_us: int | None, bounds: Mapping[str, tuple[int, int]]) -> BadReason | None:
    code = (key or b"").partition(b":")[0].decode()
    starts, ends = bounds[code]
    if seen_us is not None and starts <= seen_us < ends:
        return None
    at = "never" if seen_us is None else written(seen_us)
    span = f"{from_us(starts).isoformat()} to {from_us(ends).isoformat()}"
    mend = refusals.unit_advice(seen_us or 0, seen_us or 0) or f" Mend starts_on or ends_on in {code}.toml."
    return BadReason(f"outside the span of {code}", f"{at} is not in {span}.{mend}")

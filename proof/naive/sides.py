"""The three sides of parity over one world: the oracle, batch SQL and streamed rows, and their comparison."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from proof import figures
from proof.figures import Figure
from proof.naive import oracle
from proof.naive.world import LoggedEvent
from scv.errors import BadEvent
from scv.events import event as events
from scv.events.arrival import Arrival, arrival_of
from scv.events.calendar import day_of, from_us, to_us
from scv.events.country import Country
from scv.events.event import Event
from scv.features.fetcher import Fetcher
from scv.features.layout import layout_of
from scv.offline import batch
from scv.offline.lake import Lake
from scv.offline.lake import schema as lake_schema
from scv.offline.lake_version import LakeVersion
from scv.online.row import Place, Row, unpack

FIGURES = Path(__file__).parents[2] / "build" / "figures"
PLACE = Place(1, 0, bytes(16), 0)
TOLD = 100
"""Mismatches that a tally puts into words; it counts all."""
Values = Mapping[str, Any] | None


@dataclass
class ParityTally:
    """Compared values (at least one side not missing) and mismatches, by fetcher or by what else was asked.

    `wrong` says the first of them in words. `census` counts which special instants and which dirt were compared.
    """

    compared: Counter[str] = field(default_factory=Counter)
    mismatches: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    census: Counter[str] = field(default_factory=Counter)

    def compare(
        self, fetcher: type[Fetcher], where: str, ours: Values, peer: Values, exact: bool = True, counted: bool = True
    ) -> int:
        """All of a fetcher's values; how many. A row that does not exist equals one that reads None throughout.

        What is not `counted` (because the same pair was compared in another way) must agree all the same.
        """
        found = 0
        for feature in fetcher.features:
            left, right = (side[feature.name] if side else None for side in (ours, peer))
            if left is None and right is None:
                continue
            found += 1
            if not (left == right if exact else same(left, right)):
                self.differ(fetcher.name, f"{feature.full_name} {where}: {left!r} is not {right!r}")
        if counted and found:
            self.compared[fetcher.name] += found
        return found

    def note(self, name: str, where: str, ours: Any, peer: Any, counted: bool = True) -> None:
        """One pair of anything else."""
        self.compared[name] += counted
        if ours != peer:
            self.differ(name, f"{name} {where}: {ours!r} is not {peer!r}")

    def differ(self, name: str, text: str) -> None:
        self.mismatches[name] += 1
        if len(self.wrong) < TOLD:
            self.wrong.append(text)

    def add(self, other: ParityTally) -> None:
        """What was compared elsewhere."""
        self.compared.update(other.compared)
        self.mismatches.update(other.mismatches)
        self.census.update(other.census)
        self.wrong += other.wrong[: TOLD - len(self.wrong)]


def same(left: Any, right: Any) -> bool:
    """Equal; fractions up to the last bits, which a different order of arithmetic may change."""
    if isinstance(left, float) and isinstance(right, int | float):
        return math.isclose(left, right, rel_tol=1e-12, abs_tol=1e-12)
    return type(left) is type(right) and left == right


class TableLake(Lake):
    """The lake's own query over a table in memory instead of Delta files."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"))

    def _source(self, family: str, country: str, version: LakeVersion, month: str | None = None) -> str:
        return f"lake_{family}"


def arrivals(records: Sequence[LoggedEvent], country: Country) -> Iterator[tuple[LoggedEvent, Arrival]]:
    """What a consumer lets through, in log order."""
    for record in records:
        try:
            yield record, arrival_of(record.event, country)
        except BadEvent:
            continue


def lake_table(records: Sequence[LoggedEvent], family: str, country: Country) -> pa.Table:
    """The records as the lake consumer writes them."""
    rows = []
    for record, arrival in arrivals(records, country):
        event = record.event
        payload = {name: getattr(event, name, None) for name in events.fields(family)}
        rows.append(
            payload
            | {"country": event.country, "month": f"{event.seen_at:%Y-%m}", "customer_id": event.customer_id}
            | {"kind": event.kind, "id": event.id, "occurred_at": from_us(arrival.occurred_us)}
            | {"claimed_at": event.occurred_at, "seen_at": event.seen_at}
            | {"epoch": record.epoch, "partition": record.partition, "offset": record.offset}
        )
    return pa.Table.from_pylist(rows, schema=lake_schema(family))


class SqlSide:
    """Batch SQL over a log: admission once, then any fetcher at any references."""

    def __init__(self, records: Sequence[LoggedEvent], family: str, country: Country) -> None:
        self.country = country
        self.connection = duckdb.connect(config={"threads": 1})
        shuffled = list(records)
        random.Random(1).shuffle(shuffled)  # the order of a table means nothing
        self.connection.register(f"lake_{family}", lake_table(shuffled, family, country))
        self.query = TableLake().query(family, country, LakeVersion({}))
        batch.admit(self.connection, self.query, country, "admitted")

    def read(self, fetcher: type[Fetcher], at: Sequence[datetime]) -> dict[tuple[str, int], dict[str, Any]]:
        """(customer, at in us) → values."""
        table = batch.fold(self.connection, "admitted", layout_of(fetcher), self.country, at).to_pylist()
        return {(row["customer_id"], to_us(row["event_timestamp"])): row for row in table}

    def __enter__(self) -> SqlSide:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()


class StreamSide:
    """Rows of one fetcher, fed arrival by arrival, stored and loaded at random moments."""

    def __init__(self, fetcher: type[Fetcher], country: Country, seed: int = 0) -> None:
        self.layout, self.country = layout_of(fetcher), country
        self.rng = random.Random(seed)
        self.rows: dict[str, Row] = {}

    def feed(self, arrival: Arrival, offset: int) -> None:
        row = self.rows.setdefault(arrival.customer_id, Row(self.layout, self.country))
        row.take(arrival)
        if self.rng.random() < 0.3:
            _, self.rows[arrival.customer_id] = self._stored(row, offset)

    def read(self, customer: str, at: datetime) -> dict[str, Any] | None:
        row = self.rows.get(customer)
        return row.read(day_of(to_us(at), self.country.zone)) if row else None

    def _stored(self, row: Row, offset: int) -> tuple[object, Row]:
        return unpack(row.pack(PLACE, offset), self.layout, self.country)


def oracle_verdicts(log: Sequence[Event], country: Country) -> dict[str, list[tuple[oracle.Fact, oracle.Verdict]]]:
    """Customer → the oracle's verdicts, in log order."""
    return {name: oracle.judged(log, country, name) for name in sorted({event.customer_id for event in log})}


def write_figures(name: str, rows: Sequence[tuple[str, float, float, str, float]]) -> None:
    """build/figures/NAME.json: rows of (name, ours, peer, unit, bar); ok = ours reaches bar, or stays at 0."""
    found = [
        Figure(
            name=what,
            ours=ours,
            peer=peer,
            ratio=ours / peer if peer else None,
            unit=unit,
            bar=f"{bar:g}",
            ok=ours >= bar if bar else ours == 0,
        )
        for what, ours, peer, unit, bar in rows
    ]
    figures.write(name, found, FIGURES)

"""What then happened: the label of a target for rows of (reference, customer), from exact instants.

Labels read every admitted event that the labelling run saw, also those seen late; features never do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa

from scv.batch import admit
from scv.calendar import add_days, from_us, to_us
from scv.country import Country
from scv.fold import literal
from scv.lake import Lake, LakeVersion
from scv.target import Clause, Target


@dataclass(frozen=True)
class Labels:
    """One target's outcome of n rows.

    `y` float64[n]: 1 or 0. `removed` object[n]: "" or why the row must not be used ("ended involuntarily",
    "erased").
    """

    y: np.ndarray
    removed: np.ndarray

    @property
    def kept(self) -> np.ndarray:
        return self.removed == ""

    def counts(self) -> dict[str, int]:
        """How many rows were removed, by reason."""
        reasons, found = np.unique(self.removed[~self.kept].astype(str), return_counts=True)
        return dict(zip(reasons.tolist(), found.tolist(), strict=True))


@dataclass(frozen=True)
class Outcomes:
    """What happened in a country, ready to be asked: `events` maps family → table of admitted events."""

    connection: duckdb.DuckDBPyConnection
    country: Country
    events: Mapping[str, str]

    def labels(self, target: Target, at_us: np.ndarray, customers: Sequence[str]) -> Labels:
        """The labels of rows (reference in microseconds int64[n], customer ids), in their order.

        A row whose customer was erased after its reference is removed whenever that was: its history no longer
        exists. A family without a table counts as silent.
        """
        _register(self.connection, self.country, target, at_us, customers)
        answers = [_answer(self.events, clause, i) for i, clause in enumerate(target.clauses)]
        joined = (" OR " if target.any_of else " AND ").join(answers)
        found = self.connection.execute(
            f"""SELECT ({joined})::DOUBLE AS y,
                       coalesce(e.us >= q.at_us, false) AS erased, {_ended(self.events)} AS ended
                FROM label_rows q LEFT JOIN label_erased e USING (customer_id) ORDER BY q.i"""
        ).fetchnumpy()
        removed = np.full(len(at_us), "", dtype=object)
        removed[np.asarray(found["ended"], dtype=bool)] = "ended involuntarily"
        removed[np.asarray(found["erased"], dtype=bool)] = "erased"
        return Labels(np.asarray(found["y"], dtype=np.float64), removed)


def prepare(
    connection: duckdb.DuckDBPyConnection,
    deliveries: Mapping[str, str],
    country: Country,
    label_as_of: datetime | None = None,
) -> Outcomes:
    """Admit each family's deliveries (queries as `Lake.deliveries` gives) and keep those seen before `label_as_of`
    (None: all). Erasures count whenever they were seen."""
    tables = {family: f"label_{family}" for family in deliveries}
    for family, query in deliveries.items():
        admit(connection, query, country, tables[family])
        if label_as_of is not None:
            connection.execute(f"DELETE FROM {tables[family]} WHERE seen_us >= {to_us(label_as_of)}")
    erased = " UNION ALL ".join(
        f"SELECT customer_id, seen_us FROM ({query}) WHERE kind = 'erased'" for query in deliveries.values()
    )
    newest = f"SELECT customer_id, max(seen_us) AS us FROM ({erased}) GROUP BY 1"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE label_erased AS {newest}")
    return Outcomes(connection, country, tables)


def of_lake(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    version: LakeVersion,
    country: Country,
    targets: Iterable[Target],
    label_as_of: datetime | None = None,
) -> Outcomes:
    """What happened, from one version of the lake, for these targets."""
    families = sorted({family for target in targets for family in target.families})
    deliveries = {family: lake.deliveries(connection, family, country, version) for family in families}
    return prepare(connection, deliveries, country, label_as_of)


def complete_to(
    connection: duckdb.DuckDBPyConnection, lake: Lake, version: LakeVersion, country: Country, targets: Iterable[Target]
) -> datetime | None:
    """The instant up to which this version is complete in every family those labels read; None: unknown."""
    families = sorted({family for target in targets for family in target.families})
    marks = [lake.watermark_us(connection, family, country.code, version) for family in families]
    known = [mark for mark in marks if mark is not None]
    return from_us(min(known)) if len(known) == len(marks) else None


def _register(
    connection: duckdb.DuckDBPyConnection, country: Country, target: Target, at_us: np.ndarray, customers: Sequence[str]
) -> None:
    references = np.unique(at_us)
    place = np.searchsorted(references, at_us)
    columns = {
        "i": pa.array(np.arange(len(at_us))),
        "at_us": pa.array(at_us, pa.int64()),
        "customer_id": pa.array(customers, pa.string()),
        "decided_us": pa.array(_moved(references, target.decided_days(country), country)[place]),
    }
    for i, clause in enumerate(target.clauses):
        start, end = clause.window(country)
        columns[f"from{i}"] = pa.array(_moved(references, start, country)[place])
        columns[f"to{i}"] = pa.array(_moved(references, end, country)[place])
    connection.register("label_given", pa.table(columns))
    connection.execute("CREATE OR REPLACE TEMP TABLE label_rows AS SELECT * FROM label_given")
    connection.unregister("label_given")


def _moved(references: np.ndarray, days: int, country: Country) -> np.ndarray:
    """The same local time so many local days later: a day of clock change is no 24 hours."""
    moved: list[datetime] = [add_days(from_us(int(us)), days, country.zone) for us in references]
    return np.array([to_us(instant) for instant in moved], dtype=np.int64)


def _answer(events: Mapping[str, str], clause: Clause, i: int) -> str:
    if clause.family not in events:
        return "false" if clause.present else "true"
    parts = [f"kind IN ({', '.join(literal(kind) for kind in clause.kinds)})"]
    parts += [f'"{name}" {sign} {literal(value)}' for name, sign, value in clause.where]
    within = f"o.occurred_us >= r.from{i} AND o.occurred_us < r.to{i}"
    found = f"""q.i IN (SELECT r.i FROM label_rows r JOIN {events[clause.family]} o
                    ON o.customer_id = r.customer_id AND {within} WHERE {" AND ".join(parts)})"""
    return found if clause.present else f"NOT ({found})"


def _ended(events: Mapping[str, str]) -> str:
    if "subscription" not in events:
        return "false"
    return f"""q.i IN (SELECT r.i FROM label_rows r JOIN {events["subscription"]} o
                   ON o.customer_id = r.customer_id AND o.occurred_us >= r.at_us AND o.occurred_us < r.decided_us
                   WHERE o.kind = 'cancelled' AND o.voluntary = 0)"""

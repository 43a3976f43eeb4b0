"""What then happened: the label of a target for rows of (reference, customer), from exact instants.

Labels read every admitted event that the labelling run saw, also those seen late; features never do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa

from scv.errors import UserError
from scv.events.calendar import add_days, day_of, from_us, to_us
from scv.events.country import Country
from scv.features.array import Features, column, numbers
from scv.fetchers import roles
from scv.folds import Count
from scv.folds.fold import literal
from scv.offline.batch import admit
from scv.offline.lake import Lake
from scv.offline.lake_version import LakeVersion
from scv.targets import box, standing
from scv.targets.population import WEEKDAY_UNKNOWN
from scv.targets.target import STAYS, Clause, Target, families_of

INVOLUNTARY = "ended involuntarily"
UNCLEAR = "cancelled, by whose wish unknown"
NOTHING: Features = {}
LOST = Count(kinds=("cancelled",), where=(("voluntary", "==", 0),))


@dataclass(frozen=True)
class Labels:
    """One target's outcome of n rows.

    `y` float64[n]: 1 or 0. `removed` object[n]: "" or why the row must not be used ("ended involuntarily",
    "cancelled, by whose wish unknown", "erased", "delivery day unknown"). `outcome` object[n]: what happened, exactly
    one thing per row: the target's name where y = 1, otherwise "cancelled" or "box" for `pause`, "" for the others.
    """

    y: np.ndarray
    removed: np.ndarray
    outcome: np.ndarray

    @property
    def kept(self) -> np.ndarray:
        return self.removed == ""

    def counts(self) -> dict[str, int]:
        """How many rows were removed, by reason."""
        return _counted(self.removed[~self.kept])

    def outcomes(self) -> dict[str, int]:
        """How many of the kept rows ended in what; for targets with more than two outcomes."""
        found = _counted(self.outcome[self.kept])
        return {} if "" in found else found


def _counted(words: np.ndarray) -> dict[str, int]:
    return dict(sorted(Counter(words.tolist()).items()))


def begins(
    connection: duckdb.DuckDBPyConnection, lake: Lake, version: LakeVersion, country: Country, targets: Sequence[Target]
) -> datetime:
    """The first instant at which a population can be told. Raises UserError for a country without events."""
    seen = " UNION ALL ".join(
        f"SELECT seen_us FROM ({lake.query(one, country, version)})" for one in families_of(targets)
    )
    (first,) = connection.execute(f"SELECT min(seen_us) FROM ({seen})").fetchall()[0]
    if first is None:
        raise UserError(f"The lake holds no events of {country.code}. Replay its events first.")
    return add_days(from_us(first), country.active_days, country.zone)


@dataclass(frozen=True)
class Outcomes:
    """What happened in a country, ready to be asked: `events` maps family → table of admitted events."""

    connection: duckdb.DuckDBPyConnection
    country: Country
    events: Mapping[str, str]

    def labels(self, target: Target, at_us: np.ndarray, customers: Sequence[str], known: Features = NOTHING) -> Labels:
        """The labels of rows (reference in microseconds int64[n], customer ids), in their order.

        `known` holds what the target needs to know of these rows at their references (`Target.known`). A row whose
        customer was erased after its reference is removed whenever that was: its history no longer exists. A family
        without a table counts as silent.
        """
        given = _clauses(at_us, target, self.country) if target.clauses else _boxes(at_us, known, self.country)
        given |= {"i": pa.array(np.arange(len(at_us))), "at_us": pa.array(at_us, pa.int64())}
        given["customer_id"] = pa.array(customers, pa.string())
        self.connection.register("label_given", pa.table(given))
        self.connection.execute("CREATE OR REPLACE TEMP TABLE label_rows AS SELECT * FROM label_given")
        self.connection.unregister("label_given")
        happened = _happened(self.events, target) if target.clauses else _became(self.events, target, self.country)
        found = self.connection.execute(
            f"""SELECT h.outcome, h.unusable, coalesce(e.us >= q.at_us, false) AS erased, {_ended(self.events)} AS ended
                FROM label_rows q JOIN ({happened}) h USING (i) LEFT JOIN label_erased e USING (customer_id)
                ORDER BY q.i"""
        ).fetchnumpy()
        outcome, removed = (np.array(found[name], dtype=object) for name in ("outcome", "unusable"))
        removed[np.asarray(found["ended"], dtype=bool)] = INVOLUNTARY
        removed[np.asarray(found["erased"], dtype=bool)] = "erased"
        return Labels((outcome == target.name).astype(np.float64), removed, outcome)


def prepare(
    connection: duckdb.DuckDBPyConnection,
    arrivals: Mapping[str, str],
    country: Country,
    label_as_of: datetime | None = None,
) -> Outcomes:
    """Admit each family's arrivals (queries as `Lake.query` gives) and keep those seen before `label_as_of`
    (None: all). Erasures count whenever they were seen."""
    tables = {family: f"label_{family}" for family in arrivals}
    for family, query in arrivals.items():
        admit(connection, query, country, tables[family])
        if label_as_of is not None:
            connection.execute(f"DELETE FROM {tables[family]} WHERE seen_us >= {to_us(label_as_of)}")
    erased = " UNION ALL ".join(
        f"SELECT customer_id, seen_us FROM ({query}) WHERE kind = 'erased'" for query in arrivals.values()
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
    arrivals = {family: lake.query(family, country, version) for family in families_of(targets)}
    return prepare(connection, arrivals, country, label_as_of)


# -- is there an event of that kind in those days? -----------------------------------------------------------


def _clauses(at_us: np.ndarray, target: Target, country: Country) -> dict[str, pa.Array]:
    """Per row the instants between which each clause looks, and the end of all of them."""
    references, place = np.unique(at_us, return_inverse=True)
    columns = {"decided_us": pa.array(_moved(references, target.decided_days(country), country)[place])}
    for i, clause in enumerate(target.asked):
        start, end = clause.window(country)
        columns[f"from{i}"] = pa.array(_moved(references, start, country)[place])
        columns[f"to{i}"] = pa.array(_moved(references, end, country)[place])
    return columns


def _moved(references: np.ndarray, days: int, country: Country) -> np.ndarray:
    """The same local time so many local days later: a day of clock change is no 24 hours."""
    moved: list[datetime] = [add_days(from_us(int(us)), days, country.zone) for us in references]
    return np.array([to_us(instant) for instant in moved], dtype=np.int64)


def _happened(events: Mapping[str, str], target: Target) -> str:
    answers = [_answer(events, clause, i) for i, clause in enumerate(target.clauses)]
    joined = (" OR " if target.any_of else " AND ").join(answers)
    unclear = _answer(events, target.unclear, len(answers)) if target.unclear else "false"
    return f"""SELECT q.i, CASE WHEN {joined} THEN {literal(target.name)} ELSE '' END AS outcome,
                      CASE WHEN NOT ({joined}) AND {unclear} THEN {literal(UNCLEAR)} ELSE '' END AS unusable
               FROM label_rows q"""


def _answer(events: Mapping[str, str], clause: Clause, i: int) -> str:
    if clause.family not in events:
        return "false" if clause.present else "true"
    wanted = Count(kinds=clause.kinds, where=clause.where).condition()
    wanted += f' AND "{clause.lacks}" IS NULL' if clause.lacks else ""
    within = f"o.occurred_us >= r.from{i} AND o.occurred_us < r.to{i}"
    found = _rows_with(events, clause.family, f"{within} AND {wanted}", clause.unless)
    return found if clause.present else f"NOT ({found})"


def _ended(events: Mapping[str, str]) -> str:
    if "subscription" not in events:
        return "false"
    within = "o.occurred_us >= r.at_us AND o.occurred_us < r.decided_us"
    return _rows_with(events, "subscription", f"{within} AND {LOST.condition()}", STAYS)


def _rows_with(events: Mapping[str, str], family: str, condition: str, unless: Sequence[str]) -> str:
    """Is it a row `q` with an event `o` of a family for which that holds of the row `r`, and after which the customer
    stands in none of the states `unless`?"""
    found = f"""SELECT r.i, r.customer_id, o.occurred_us AS us, o.day AS at_day
                FROM label_rows r JOIN {events[family]} o ON o.customer_id = r.customer_id WHERE {condition}"""
    if unless and "subscription" in events:
        words = ", ".join(literal(word) for word in unless)
        found = f"""SELECT f.i FROM ({found}) f LEFT JOIN ({standing.after(events["subscription"], found)}) s
                    USING (customer_id, us) WHERE s.state IS NULL OR s.state NOT IN ({words})"""
    return f"q.i IN (SELECT i FROM ({found}))"


# -- what became of the open box at its cut-off? -------------------------------------------------------------


def _boxes(at_us: np.ndarray, known: Features, country: Country) -> dict[str, pa.Array]:
    """Per row its open box and that box's cut-off; without a known weekday neither."""
    weekday = numbers(column(known, roles.DELIVERY_WEEKDAY))
    unknown = np.isnan(weekday)
    references, place = np.unique(at_us, return_inverse=True)
    days = np.array([day_of(int(us), country.zone) for us in references], dtype=np.int64)[place]
    boxes = box.open_box(days, np.where(unknown, 0, weekday).astype(np.int64), country.cut_off_days)
    ends = {int(day): to_us(box.cut_off(int(day), country)) for day in np.unique(boxes)}
    cut_offs = np.array([ends[int(day)] for day in boxes], dtype=np.int64)
    found = {"box": boxes, "decided_us": cut_offs, "at_day": days, "cut_off_day": boxes - country.cut_off_days}
    return {name: pa.array(values, mask=unknown) for name, values in found.items()}


def _became(events: Mapping[str, str], target: Target, country: Country) -> str:
    """The three outcomes of a box. That it comes no more counts before a skip or a pause; one of several subscriptions
    comes while any of theirs does."""
    source = events.get("subscription", standing.NO_EVENTS)
    due = "[b FOR b IN s.boxes IF b.over > q.box]"
    return f"""
        SELECT q.i,
               CASE WHEN len(s.boxes) > 0 AND len({due}) = 0 THEN 'cancelled'
                    WHEN len(s.boxes) > 0 AND len([b FOR b IN {due} IF b.word <> 'paused' AND NOT b.skipped]) = 0
                    THEN {literal(target.name)} ELSE 'box' END AS outcome,
               CASE WHEN q.box IS NULL THEN {literal(WEEKDAY_UNKNOWN)} ELSE '' END AS unusable
        FROM label_rows q LEFT JOIN ({standing.at_cut_off(source, country.cut_off_days)}) s USING (i)"""

"""The point-in-time set: what was known at past references, beside what then happened.

Features were read elsewhere (`trainer.past`); here a target's population is cut out of them, its mature labels are
put beside it and both become arrays. Nothing here computes a feature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scv.errors import UserError
from scv.events.calendar import from_us
from scv.events.country import Country
from scv.features.array import Features, column, numbers
from scv.model import vector
from scv.model.column import Column
from scv.targets.labels import Outcomes
from scv.targets.phase import phase
from scv.targets.target import Target, mature

KEYS = ("customer_id", "event_timestamp")


@dataclass(frozen=True)
class TrainingSet:
    """n rows of one target's population with their labels, ordered by reference, then customer.

    `matrix` float64[n, k] as `columns` say, NaN for missing. `at_us` int64[n] are references, `customers` int64[n] a
    code per customer, its place in `ids`, `y` float64[n] of 0 and 1, `phases` object[n]. `removed` counts the rows that
    ended involuntarily, by reason. `recency` float64[n] is the naive score of the business line: days since the last
    order (or, with a minus, days gone, where the question is who comes back). `outcomes` counts the rows by what
    happened, where that is more than yes or no. `share`: so many of all such rows were drawn.
    """

    country: Country
    target: Target
    columns: tuple[Column, ...]
    matrix: np.ndarray
    at_us: np.ndarray
    customers: np.ndarray
    y: np.ndarray
    phases: np.ndarray
    recency: np.ndarray
    removed: dict[str, int]
    label_as_of: datetime
    outcomes: dict[str, int] = field(default_factory=dict)
    share: float = 1.0
    ids: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=object))

    def __len__(self) -> int:
        return len(self.y)

    @cached_property
    def references(self) -> np.ndarray:
        """int64[weeks], ascending."""
        return np.unique(self.at_us)

    @property
    def positives(self) -> int:
        return int(self.y.sum())

    def checked(self) -> TrainingSet:
        """Itself. Raises UserError where nothing is left, or where all outcomes are the same."""
        _worth(self.y, self.country, self.target, self.label_as_of)
        return self

    def take(self, rows: np.ndarray) -> TrainingSet:
        """Some of the rows (a mask or indices)."""
        names = ("matrix", "at_us", "customers", "y", "phases", "recency")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    def narrow(self, used: Sequence[int]) -> TrainingSet:
        """Some of the columns."""
        return replace(self, columns=tuple(self.columns[j] for j in used), matrix=self.matrix[:, list(used)])

    def table(self) -> pa.Table:
        """The rows as a table: keys, `y`, `phase`, and every column as the model sees it; words as words."""
        found: dict[str, pa.Array] = {
            "customer_id": pa.array(self.ids[self.customers], pa.string()),
            "event_timestamp": pa.array(self.at_us).cast(pa.timestamp("us", tz="UTC")),
            "y": pa.array(self.y.astype(np.int8)),
            "phase": pa.array(self.phases.tolist(), pa.string()),
        }
        for one, values in zip(self.columns, self.matrix.T, strict=True):
            missing = np.isnan(values)
            if one.levels:
                places = np.where(missing, 0, values).astype(int)
                found[one.name] = pa.array(np.array(one.levels, dtype=object)[places], pa.string(), mask=missing)
            else:
                found[one.name] = pa.array(values, mask=missing)
        return pa.table(found)

    def mature_by(self, us: int) -> np.ndarray:
        """bool[n]: rows whose label was final at an instant."""
        instant = from_us(us)
        ripe = [mature(self.target, from_us(int(at)), self.country, instant) for at in self.references]
        return np.array(ripe, dtype=bool)[np.searchsorted(self.references, self.at_us)]


def training_set(
    table: pa.Table,
    target: Target,
    outcomes: Outcomes,
    label_as_of: datetime,
    columns: Sequence[Column] | None = None,
) -> TrainingSet:
    """The rows of a target's population in `table` (keys, then features under full names) with mature labels.

    `columns` are a bundle's, or None for every candidate that varies in these rows. Raises UserError where nothing
    is left, or where all outcomes are the same: nothing can be learned or judged.
    """
    country = outcomes.country
    asked = target.population(columns_of(table), country) & _ripe(table, target, country, label_as_of)
    rows = table.select([*KEYS, *target.known]).filter(pa.array(asked, pa.bool_()))  # the rest is taken once, below
    known = {name: rows[name] for name in target.known}
    found = outcomes.labels(target, _us(rows), rows["customer_id"].to_pylist(), known)
    asked[asked] = found.kept
    kept, y = table.filter(pa.array(asked, pa.bool_())).combine_chunks(), found.y[found.kept]
    _worth(y, country, target, label_as_of)
    features = columns_of(kept)
    usable = {name: values for name, values in features.items() if name not in target.known}
    chosen, matrix = vector.chosen(usable, country) if columns is None else _given(features, columns)
    naive, sign = target.recency
    names, codes = _coded(kept["customer_id"])
    return TrainingSet(
        country=country,
        target=target,
        columns=chosen,
        matrix=matrix,
        at_us=_us(kept),
        customers=codes,
        y=y,
        phases=phase(features, country),
        recency=sign * np.nan_to_num(numbers(column(features, naive))),
        removed=found.counts(),
        label_as_of=label_as_of,
        outcomes=found.outcomes(),
        ids=names,
    )


def _ripe(table: pa.Table, target: Target, country: Country, label_as_of: datetime) -> np.ndarray:
    """bool[n]: the rows whose label was final then."""
    found = {us: mature(target, from_us(us), country, label_as_of) for us in np.unique(_us(table)).tolist()}
    return np.array([found[us] for us in _us(table).tolist()], dtype=bool)


def _given(features: Features, columns: Sequence[Column]) -> tuple[tuple[Column, ...], np.ndarray]:
    return tuple(columns), vector.matrix(features, columns)


def _coded(ids: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """The customers, object[m] in order, and each row's place among them, int64[n]."""
    names = pc.unique(ids).sort()
    codes = pc.index_in(ids, names).to_numpy(zero_copy_only=False)
    return np.asarray(names.to_numpy(zero_copy_only=False), dtype=object), codes.astype(np.int64)


def columns_of(table: pa.Table) -> Features:
    """The features of a joined table, by full name."""
    return {name: table[name] for name in table.column_names if "__" in name}


def _worth(y: np.ndarray, country: Country, target: Target, label_as_of: datetime) -> None:
    if len(y) and y.min() < y.max():
        return
    what = f"all {len(y)} outcomes are {int(y[0])}" if len(y) else "no row has a mature label"
    raise UserError(
        f"Nothing to learn about {target.name} in {country.code}: {what} by {label_as_of:%Y-%m-%d %H:%M} UTC. "
        f"A label needs {target.decided_days(country)} days and the late allowance: replay more weeks."
    )


def _us(table: pa.Table) -> np.ndarray:
    stamps = table["event_timestamp"].cast(pa.timestamp("us", tz="UTC"))
    return np.asarray(stamps.cast(pa.int64()).to_numpy(), dtype=np.int64)

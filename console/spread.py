"""How a country's variables lie in a snapshot: share missing, and a histogram or the commonest words. Computed once for
each snapshot.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from scv.events import calendar
from scv.events.country import Country
from scv.features.array import numbers
from scv.offline import past_rows, snapshot
from scv.settings import Settings

BINS = 12
WORDS = 12
_TAIL = 0.995
"""Beyond this share of the values the last bar takes all: one heavy customer would flatten the others."""


class Spreads:
    """The newest snapshot of each country, looked at. From any thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._lock = settings, threading.Lock()
        self._known: dict[str, tuple[object, dict[str, Any]]] = {}

    def of(self, country: Country) -> dict[str, Any]:
        """`reference`, `customers`, and `features`: full name → `missing` (a share), with `edges` and `counts`, or with
        `words` (word → count). Raises NoSnapshot where no snapshot may be used."""
        at = past_rows.newest(self._settings, country)
        made = snapshot.manifest(self._settings.snapshots_path, country, at)
        state = (at, None if made is None else made.stamp)
        with self._lock:
            known = self._known.get(country.code)
            if known is None or known[0] != state:
                table = past_rows.table(self._settings, country, at, past_rows.columns([]))
                found = {"reference": calendar.label(at, country), "customers": len(table), "features": _spread(table)}
                known = self._known[country.code] = state, found
            return known[1]


def _spread(table: pa.Table) -> dict[str, dict[str, Any]]:
    return {name: _of(table[name]) for name in table.column_names[1:]}


def _of(values: pa.ChunkedArray) -> dict[str, Any]:
    gone = values.null_count / len(values) if len(values) else 0.0
    if pa.types.is_string(values.type):
        common = Counter(one for one in values.to_pylist() if one is not None).most_common(WORDS)
        return {"missing": gone, "words": dict(common)}
    known = numbers(values)
    known = known[~np.isnan(known)]
    if not len(known):
        return {"missing": gone, "edges": [], "counts": []}
    low, high = float(known.min()), float(np.quantile(known, _TAIL))
    edges = _edges(low, high if high > low else low + 1, bool((known == np.round(known)).all()))
    counts, _ = np.histogram(np.clip(known, None, edges[-1]), bins=edges)
    return {"missing": gone, "edges": [float(edge) for edge in edges], "counts": [int(count) for count in counts]}


def _edges(low: float, high: float, whole: bool) -> np.ndarray:
    """Of bars; of whole numbers each is as wide as a number of them."""
    if not whole:
        return np.linspace(low, high, BINS + 1)
    step = max(1, int(np.ceil((high - low + 1) / BINS)))
    return np.arange(low, high + 1 + step, step)

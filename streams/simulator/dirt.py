"""The dirt that real deliveries have: late, too late, sent twice, sent again with other content."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from streams.wide import INSTANT

LATE = 0.03
TOO_LATE = 0.002
TWICE = 0.005
OTHERWISE = 0.002
AT_LEAST = 3

_DAY_US = 86_400_000_000
_HOUR_US = 3_600_000_000
_TOO_LATE_DAYS = (37, 60)
_LONGEST_US = 20 * _DAY_US


def dirty(events: pa.Table, rng: np.random.Generator, end_us: int) -> pa.Table:
    """Events plus dirt, every delivery seen before `end_us`.

    Some are seen hours to 20 days late, a few 37 to 60 days late (if the events span that long), a few are delivered
    twice (the same id and content, at once or later), a few again with the same id and another amount or duration.
    """
    count = len(events)
    occurred = np.asarray(events["occurred_at"].cast(pa.int64()))
    seen = np.asarray(events["seen_at"].cast(pa.int64())).copy()
    for share, delay in ((LATE, _late(rng, count)), (TOO_LATE, _too_late(rng, count))):
        picked = _pick(rng, share, np.flatnonzero(occurred + delay < end_us))
        seen[picked] = occurred[picked] + delay[picked]
    base = _seen(events, seen)
    return pa.concat_tables([base, _again(base, rng, seen, end_us), _changed(base, rng, seen, end_us)])


def _late(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    return np.minimum(_HOUR_US // 2 + rng.exponential(18 * _HOUR_US, count).astype(np.int64), _LONGEST_US)


def _too_late(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    first, last = _TOO_LATE_DAYS
    return rng.integers(first * _DAY_US, last * _DAY_US, count)


def _pick(rng: np.random.Generator, share: float, among: NDArray[np.int64]) -> NDArray[np.int64]:
    size = min(len(among), max(AT_LEAST, round(share * len(among))))
    return np.sort(rng.choice(among, size, replace=False)) if size else among


def _again(events: pa.Table, rng: np.random.Generator, seen: NDArray[np.int64], end_us: int) -> pa.Table:
    """Half of them a producer's retry (seen at the same instant), half delivered again within two days."""
    picked = _pick(rng, TWICE, np.arange(len(events)))
    later = np.where(rng.random(len(picked)) < 0.5, 0, rng.integers(1, 48 * _HOUR_US, len(picked)))
    again = seen[picked] + later
    return _seen(events.take(picked), np.where(again < end_us, again, seen[picked]))


def _changed(events: pa.Table, rng: np.random.Generator, seen: NDArray[np.int64], end_us: int) -> pa.Table:
    """The same id and occurred_at, another amount or duration, seen up to a day later."""
    able = pc.is_in(events["kind"], value_set=pa.array(["placed", "session", "charged"]))
    picked = _pick(rng, OTHERWISE, np.flatnonzero(np.asarray(able)))
    later = seen[picked] + rng.integers(1, 24 * _HOUR_US, len(picked))
    changed = _seen(events.take(picked), np.where(later < end_us, later, seen[picked]))
    for name in ("amount_cents", "duration_s"):
        at = changed.column_names.index(name)
        changed = changed.set_column(at, name, pc.add(changed[name], 100))
    return changed


def _seen(events: pa.Table, seen: NDArray[np.int64]) -> pa.Table:
    at = events.column_names.index("seen_at")
    return events.set_column(at, "seen_at", pa.array(seen).cast(pa.timestamp("us")).cast(INSTANT))

"""What a simulated world wrote down: groups of like events, and the table they make."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scv import calendar
from streams.wide import INSTANT, SCHEMA

_NOON = timedelta(hours=12)


class Diary:
    """Events by local day and second of the day, until local midnight of `last_day` (not included)."""

    def __init__(self, country: str, zone: tzinfo, first_day: int, last_day: int) -> None:
        self._country = country
        self._first_day = first_day
        self._offsets = _offsets(zone, first_day, last_day + 60)
        self._end_us = calendar.to_us(calendar.midnight(calendar.to_date(last_day), zone))
        self._groups: list[pa.Table] = []

    def note(self, kind: str, who: NDArray[Any], day: Any, second: Any, **payload: Any) -> None:
        """One event per chosen customer: a mask or numbers; `day`, `second` and payloads of that many values."""
        chosen = np.flatnonzero(who) if who.dtype == bool else who
        if not len(chosen):
            return
        days = np.broadcast_to(np.asarray(day, dtype=np.int64), len(chosen))
        us = (days * 86_400 + second - self._offsets[days - self._first_day]) * 1_000_000
        columns = {"kind": pa.array([kind] * len(chosen)), "who": pa.array(chosen), "us": pa.array(us)}
        columns |= {name: _column(name, values) for name, values in payload.items()}
        self._groups.append(pa.table(columns).filter(pc.less(pa.array(us), self._end_us)))

    def table(self, prefix: str) -> pa.Table:
        """The events in order of time, seen when they occurred; ids are `prefix` and their number."""
        found = pa.concat_tables(self._groups, promote_options="default")
        keys = [("us", "ascending"), ("who", "ascending"), ("kind", "ascending")]
        found = found.take(pc.sort_indices(found, sort_keys=keys))
        instants = found["us"].cast(pa.timestamp("us")).cast(INSTANT)
        columns = {
            "id": pa.array([f"{prefix}-{number:07d}" for number in range(len(found))]),
            "country": pa.array([self._country] * len(found)),
            "customer_id": pa.array([f"c{number:05d}" for number in found["who"].to_pylist()]),
            "kind": found["kind"],
            "occurred_at": instants,
            "seen_at": instants,
        }
        payload = [name for name in SCHEMA.names if name in found.column_names and name not in columns]
        return pa.table(columns | {name: found[name] for name in payload})


def _offsets(zone: tzinfo, first_day: int, last_day: int) -> NDArray[np.int64]:
    """Seconds east of UTC at noon of each local day."""
    noons = (datetime.combine(calendar.to_date(day), datetime.min.time()) + _NOON for day in range(first_day, last_day))
    shifts = (noon.replace(tzinfo=zone).utcoffset() or timedelta() for noon in noons)
    return np.array([int(shift.total_seconds()) for shift in shifts], dtype=np.int64)


def _column(name: str, values: Any) -> pa.Array:
    """A payload column; dates come as local days, a negative one is missing."""
    kind = SCHEMA.field(name).type
    if pa.types.is_date32(kind):
        days = np.asarray(values, dtype=np.int32)
        return pa.array(days, mask=days < 0).cast(kind)
    return pa.array(values.tolist() if isinstance(values, np.ndarray) else values, type=kind)

"""What is written down of a chunk's lives: groups of like events, and the wide table they make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from streams.replay.columns import ENVELOPE, INSTANT, SCHEMA, TAKES

Ints = NDArray[np.int64]
_DIGITS = 7
REFERS = {"order_id": "placed"}
"""A payload that is the id of another event, noted by its number → that event's kind."""


class Diary:
    """Events by kind. Customers are positions in `customers`; words are numbers of `words`; -1 is missing."""

    def __init__(self, words: Mapping[str, Sequence[str]]) -> None:
        self._words = words
        self._groups: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def note(self, kind: str, who: Ints, occurred: Ints, delay: Any = 0, **payload: Any) -> Ints:
        """One event per entry of `who`: instants and delays in microseconds, payloads of that many values or one.

        Returns their numbers among those of their kind.
        """
        first = sum(len(group["who"]) for group in self._groups.get(kind, ()))
        if len(who):
            group = {"who": who, "occurred": occurred, "seen": occurred + delay, **payload}
            self._groups[kind].append({name: np.broadcast_to(value, len(who)) for name, value in group.items()})
        return np.arange(first, first + len(who))

    def table(self, country: str, prefix: str, customers: pa.Array, end_us: int) -> pa.Table:
        """The events seen before `end_us`, in order of seen_at, occurred_at and id; ids are `prefix` and a number.

        Every column of `SCHEMA`, in its order.
        """
        kinds = sorted(self._groups)
        sizes = [sum(len(group["who"]) for group in self._groups[kind]) for kind in kinds]
        starts = dict(zip(kinds, np.cumsum([0, *sizes]).tolist(), strict=False))
        occurred, seen = self._gather("occurred", np.int64), self._gather("seen", np.int64)
        order = _order(seen, occurred, end_us)
        instants = {"occurred_at": occurred[order], "seen_at": seen[order]}
        del occurred, seen
        kind = np.repeat(np.arange(len(kinds), dtype=np.int16), sizes)[order]
        found = {name: pa.array(us).cast(pa.timestamp("us")).cast(INSTANT) for name, us in instants.items()}
        found["id"] = _ids(prefix, len(order))
        found["country"] = _said(np.zeros(len(order), dtype=np.int8), pa.array([country]))
        found["customer_id"] = _said(self._gather("who", np.int32)[order], customers)
        found["kind"] = _said(kind, pa.array(kinds, pa.string()))
        for name in SCHEMA.names[len(ENVELOPE) :]:
            values = self._column(name, starts, order)
            refers = starts.get(REFERS.get(name, ""))
            found[name] = (
                self._filled(name, values) if refers is None else _referred(values, refers, order, found["id"])
            )
        return pa.table([found[name] for name in SCHEMA.names], schema=SCHEMA)

    def _gather(self, name: str, dtype: Any) -> NDArray[Any]:
        parts = [group[name] for kind in sorted(self._groups) for group in self._groups[kind]]
        return np.concatenate(parts, dtype=dtype) if parts else np.zeros(0, dtype=dtype)

    def _column(self, name: str, starts: Mapping[str, int], order: Ints) -> NDArray[Any]:
        """The numbers of a payload column: its kinds' stretches filled, everything else -1."""
        total = sum(len(group["who"]) for groups in self._groups.values() for group in groups)
        values = np.full(total, -1, dtype=np.int32)
        for one in TAKES[name]:
            at = starts.get(one, 0)
            for group in self._groups.get(one, ()):
                if name in group:
                    values[at : at + len(group["who"])] = group[name]
                at += len(group["who"])
        return values[order]

    def _filled(self, name: str, values: NDArray[Any]) -> pa.Array:
        if name in self._words:
            return _said(values, pa.array(self._words[name], pa.string()))
        return pa.array(values, mask=values < 0).cast(SCHEMA.field(name).type)


def _order(seen: Ints, occurred: Ints, end_us: int) -> Ints:
    """Numbers of the events to keep, in order of (seen, occurred, place): one sort, and another among ties."""
    kept = np.flatnonzero(seen < end_us)
    order = kept[np.argsort(seen[kept], kind="stable")]
    sorted_seen = seen[order]
    same = sorted_seen[1:] == sorted_seen[:-1]
    if same.any():
        tied = np.concatenate([[False], same]) | np.concatenate([same, [False]])
        among = order[tied]
        order[tied] = among[np.lexsort((among, occurred[among], seen[among]))]
    return order


def _referred(numbers: NDArray[Any], first: int, order: Ints, ids: pa.Array) -> pa.Array:
    """Ids of events by their number among those of a kind, whose first is event `first`; negative ones are missing."""
    place = np.full(int(order.max(initial=0)) + 1, -1, dtype=np.int64)
    place[order] = np.arange(len(order))
    mask = numbers < 0
    return ids.take(pa.array(np.where(mask, 0, place[first + np.where(mask, 0, numbers)]), mask=mask))


def _said(numbers: NDArray[Any], words: pa.Array) -> pa.Array:
    """Words by number, negative ones missing."""
    mask = numbers < 0 if numbers.size and numbers.min() < 0 else None
    return pa.DictionaryArray.from_arrays(pa.array(numbers, mask=mask), words).cast(pa.string())


def _ids(prefix: str, count: int) -> pa.Array:
    """`prefix-0000000` and on: as many digits as the last one needs, at least `_DIGITS`."""
    width, head = max(_DIGITS, len(str(max(count - 1, 0)))), f"{prefix}-".encode()
    text = np.empty((count, len(head) + width), dtype=np.uint8)
    text[:, : len(head)] = np.frombuffer(head, dtype=np.uint8)
    number = np.arange(count, dtype=np.int64)
    for place in range(width):
        text[:, -1 - place] = 48 + number % 10
        number //= 10
    offsets = np.arange(count + 1, dtype=np.int32) * text.shape[1]
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text))

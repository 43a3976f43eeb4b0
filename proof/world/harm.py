"""Harm: what happens to the bytes of an event, and to the fields of one that no consumer will take."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

NONE, ADDITION, FIELDS, CUT, NOISE, BARE_NUMBER, LACKING = range(7)
"""`ADDITION` is a field that nobody knows; what stands after it is refused. `FIELDS`: that shows without the bytes."""
ADDED = b',"loyalty_tier":"gold","app":{"version":"7.3.1","beta":false}}'
BROKEN_FIELDS: Mapping[str, str] = {"kind": "mystery", "customer_id": "none", "id": ""}
"""Values that a column of the wide table can hold and that no decoder takes, whatever the kind of event."""

Harm = NDArray[np.uint8]

_SEEN_AT = re.compile(rb'"seen_at":"[^"]*"')
_OCCURRED_AT = re.compile(rb'"occurred_at":"[^"]*",')
_SPOIL: Mapping[int, Callable[[bytes], bytes]] = {
    ADDITION: lambda value: value[:-1] + ADDED,
    CUT: lambda value: value[: len(value) // 2],
    NOISE: lambda value: b"\xc3\x28\xff" + value[3:],
    BARE_NUMBER: lambda value: _SEEN_AT.sub(b'"seen_at":1504567890', value),
    LACKING: lambda value: _OCCURRED_AT.sub(b"", value),
}
IN_BYTES = tuple(code for code in _SPOIL if code != ADDITION)


def spoil(values: pa.Array, harm: Harm) -> pa.Array:
    """The bytes of records after what happened to them."""
    hit = np.flatnonzero(np.isin(harm, list(_SPOIL)))
    if not len(hit):
        return values
    spoilt = [_SPOIL[harm[row]](value) for row, value in zip(hit, values.take(pa.array(hit)).to_pylist(), strict=True)]
    return pc.replace_with_mask(values, pa.array(np.isin(harm, list(_SPOIL))), pa.array(spoilt, values.type))


def break_fields(events: pa.Table, ways: NDArray[np.int64]) -> pa.Table:
    """Events (wide schema) with one field of each broken: the number of that field in `BROKEN_FIELDS`; others stay."""
    for number, (name, value) in enumerate(BROKEN_FIELDS.items()):
        broken = pc.if_else(pa.array(ways == number), value, events[name])
        events = events.set_column(events.column_names.index(name), name, broken)
    return events

"""A history record by record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from streams.replay.columns import FAMILIES
from streams.replay.history import History


class HistoryRecord(NamedTuple):
    """One record to send: `family` names the topic, `seen_us` is its place in the history."""

    family: str
    key: bytes | None
    value: bytes
    seen_us: int


def records_of(history: History) -> Iterator[HistoryRecord]:
    for batch in history.batches():
        for family, key, value, seen_us in zip(*batch, strict=True):
            yield HistoryRecord(FAMILIES[family], key, value, seen_us)

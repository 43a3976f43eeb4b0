"""Of which countries the lake consumer says that they are complete: those that live, and have begun."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from scv.events.clock import Clock
from streams.kafka.log import Part
from streams.lake.ticker import Ticker

PARTS = [Part("t.orders", 0), Part("t.orders", 1)]
CLOCKS = {
    "AA": (Clock("wall", 1), True),
    "BB": (Clock("wall", None), False),
    "CC": (Clock("replay", 1), False),
    "DD": (Clock("replay", None), False),
}
"""A country's clock, and whether it is ticked. One that has nothing yet may be waiting for its history; a replay says
itself up to when it is complete.
"""


@dataclass
class Store:
    known: Mapping[str, Clock]

    def clocks(self, countries: Sequence[str]) -> dict[str, Clock]:
        return {code: self.known[code] for code in countries}


@dataclass
class Sent:
    records: list[tuple[str, int]] = field(default_factory=list)

    def send(self, topic: str, value: bytes, key: bytes, partition: int) -> None:
        self.records.append((msgspec.json.decode(value)["country"], partition))

    def poll(self) -> None: ...


@pytest.mark.parametrize("code", CLOCKS)
def test_a_country_is_ticked_once_it_lives(code: str) -> None:
    clock, is_ticked = CLOCKS[code]
    sent: Any = Sent()
    store: Any = Store({code: clock})
    ticker = Ticker(store, [code], lambda: sent)
    ticker.tick(PARTS)
    assert sent.records == ([(code, 0), (code, 1)] if is_ticked else [])
    assert ticker.awaited == dict.fromkeys(PARTS if is_ticked else [], 1)

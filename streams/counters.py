"""What a consumer counts; printed as JSON when it ends, and said with every heartbeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

JUDGED = ("admitted", "repeated", "changed", "too_late", "before_an_erasure", "erased")
"""What became of events, as the online consumer counts it."""


@dataclass
class Counters:
    """Records, unless it says otherwise.

    Every record taken is a watermark, `dead` (by reason) or `delivered`. Online judges each delivered one `admitted`,
    `repeated` (word for word), `changed` (a taken id with other content), `too_late`, `before_an_erasure` (come after
    it, and occurred before) or `erased` (an erasure), or leaves it: `re_read` (every row holds it already, from an
    earlier life of this consumer) or `unbuilt` (rows of its family are not built); the lake keeps them all and judges
    none, `cerebro refused` asks it. `fenced` are updates of rows that held the record already, `refused` row writes
    that another writer was faster with (redone), `rows` those that stood. `placed` counts partitions placed, `commits`
    the lake's transactions; for the lake `re_read` are records taken once more by this very process. `lost` are
    offsets, not records: those that the broker had dropped before this consumer's first reading. `store_errors` are
    round trips that the store failed.
    """

    batches: int = 0
    delivered: int = 0
    watermarks: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    admitted: int = 0
    repeated: int = 0
    changed: int = 0
    too_late: int = 0
    before_an_erasure: int = 0
    erased: int = 0
    fenced: int = 0
    unbuilt: int = 0
    re_read: int = 0
    rows: int = 0
    refused: int = 0
    placed: int = 0
    lost: int = 0
    commits: int = 0
    store_errors: int = 0

    def count(self, records: Mapping[str, int]) -> None:
        """Add to what records became, by counter."""
        for name, number in records.items():
            setattr(self, name, getattr(self, name) + number)

    @property
    def taken(self) -> int:
        return self.delivered + self.watermarks + self.dead.total()

    def facts(self) -> dict[str, Any]:
        """As JSON wants it."""
        return asdict(self) | {"taken": self.taken, "dead": dict(self.dead)}

"""The dirt that real arrivals have: its kinds and their rates."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any


def _share(usual: float, what: str) -> Any:
    return field(default=usual, metadata={"what": what})


@dataclass(frozen=True)
class Dirt:
    """Shares of the events (`erased`: of the customers), 0 to 1.

    The first seven are for admission and rows; `ahead`, `unknown_country` and `corrupt` end as dead letters.
    `additions` are fields that nobody knows: they exist only where an event is bytes, and every consumer ignores them.
    """

    late: float = _share(0.03, "Events seen late, but not too late")
    too_late: float = _share(0.002, "Events seen after the country's lateness limit")
    twice: float = _share(0.005, "Events delivered twice")
    changed: float = _share(0.002, "Events delivered again with the same id and other content")
    swapped: float = _share(
        0.005, "Events delivered behind one that was seen later (a replay of Parquet files sorts them)"
    )
    skewed: float = _share(0.002, "Events said to have occurred up to five minutes after they were seen")
    erased: float = _share(0.001, "Customers who ask to be forgotten")
    additions: float = _share(0.01, "Events with fields that nobody knows (where they are bytes: jsonl, kafka)")
    ahead: float = _share(0.0005, "Copies said to have occurred more than five minutes after they were seen: refused")
    unknown_country: float = _share(0.0002, "Copies from a country that nobody knows: refused")
    corrupt: float = _share(0.0005, "Copies that cannot be decoded: refused")


WHAT = {one.name: str(one.metadata["what"]) for one in fields(Dirt)}
"""Kind of dirt → what it is."""
KINDS = tuple(WHAT)
USUAL = Dirt()
CLEAN = Dirt(*[0.0] * len(KINDS))
TAKEN = replace(USUAL, additions=0.0, ahead=0.0, unknown_country=0.0, corrupt=0.0)
"""What a table can hold and every consumer takes: `cerebro replay --anyway` sends it."""
HOMELY = replace(CLEAN, late=USUAL.late, too_late=USUAL.too_late, twice=USUAL.twice, changed=USUAL.changed)
"""What may happen to a single event on its way, and nothing else: the dirt of `simulate`."""

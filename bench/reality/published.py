"""Published figures about real weekly-box customers: there is no public data to measure them on ourselves."""

from __future__ import annotations

from typing import NamedTuple


class Published(NamedTuple):
    """One figure, where it was published, and how near to it the invented world is meant to be (None: not meant to)."""

    what: str
    value: float
    source: str
    within: float | None


SECOND_PERIOD = Published(
    "new customers who order again in their second 35 days",
    0.523,
    "Consumer Edge card panel, 2020, HelloFresh",
    0.03,
)
GONE_EARLY = Published(
    "new customers gone after their first weeks",
    0.50,
    "1010data card panel, 2016, Blue Apron (disputed by the companies)",
    0.10,
)
SIX_MONTHS = Published(
    "new customers still there after six months",
    0.10,
    "1010data card panel, 2016, Blue Apron (disputed by the companies)",
    None,
)
EARLY_WEEKS = 4
"""What "first weeks" is taken to mean: the panel's own words are one to two weeks, which contradicts the later 52 %."""

"""Markets: what the invented countries do not have in common. Every figure here is invented too.

Rates are weekly, hazard terms are added to a log rate, prices are cents of the country's currency.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from scv.events.country import Country


@dataclass(frozen=True)
class Holiday:
    """Days from a date of every year on. `away` is added to the log odds of skipping a box that comes then;
    `closed`: no courier drives."""

    month: int
    day: int
    days: int = 1
    away: float = 1.0
    closed: bool = False


@dataclass(frozen=True)
class Market:
    """One country's people and habits; the defaults are those of ZZ.

    A customer's weekly rate of leaving is `exp(level) * (settled + novice * exp(-weeks / fading))` times what
    happened to him. `contact_effect` is taken off its logarithm in the weeks after a contact that reached him.
    """

    prices: tuple[int, int, int] = (3999, 5499, 7999)
    boxes: tuple[float, float, float] = (0.30, 0.50, 0.20)
    methods: tuple[float, ...] = (0.40, 0.30, 0.22, 0.08)
    failing: tuple[float, ...] = (0.045, 0.022, 0.014, 0.06)
    phones: tuple[float, ...] = (0.16, 0.10, 0.12, 0.17, 0.14, 0.08, 0.09, 0.06, 0.05, 0.03)
    sources: tuple[float, ...] = (0.34, 0.24, 0.26, 0.12, 0.04)
    level: float = 0.0
    settled: float = 0.017
    novice: float = 0.37
    fading: float = 2.5
    resting: float = 0.010
    skipping: float = -3.2
    returning: float = 0.012
    late: float = 0.05
    contact_effect: float = 0.6
    contact_weeks: int = 5
    sessions: float = 3.0
    rises: tuple[tuple[date, float], ...] = (
        (date(2015, 10, 6), 0.05), (date(2016, 6, 7), 0.06), (date(2017, 5, 9), 0.07), (date(2018, 4, 10), 0.05),
    )  # fmt: skip
    holidays: tuple[Holiday, ...] = (
        Holiday(12, 22, 11, 1.9), Holiday(12, 25, 2, 1.0, closed=True), Holiday(1, 1, 1, 0.8, closed=True),
        Holiday(5, 1, 1, 0.3, closed=True), Holiday(7, 15, 42, 0.7), Holiday(10, 3, 1, 0.3, closed=True),
        Holiday(4, 10, 9, 0.6),
    )  # fmt: skip
    high_season: tuple[int, ...] = (1, 9)
    """Months in which more people start."""
    weekdays: tuple[float, ...] = (1.3, 0.9, 1.2, 1.1, 0.8, 0.5, 0.6)
    """How gladly a delivery weekday is chosen, from Monday on, among those of the country."""
    week_profile: tuple[float, ...] = (0.13, 0.13, 0.13, 0.11, 0.13, 0.20, 0.17)
    """Share of a week's clicks by day, from Tuesday on."""


ZZ = Market()
ZY = replace(
    ZZ,
    prices=(89_900, 129_900, 179_900),
    boxes=(0.20, 0.40, 0.40),
    methods=(0.45, 0.10, 0.15, 0.30),
    failing=(0.06, 0.03, 0.02, 0.05),
    phones=(0.03, 0.02, 0.04, 0.10, 0.16, 0.20, 0.05, 0.05, 0.25, 0.10),
    level=0.05,
    settled=0.02,
    resting=0.007,
    fading=3.0,
    skipping=-3.3,
    returning=0.008,
    late=0.10,
    sessions=3.8,
    rises=((date(2016, 2, 2), 0.08), (date(2016, 12, 6), 0.06), (date(2017, 7, 4), 0.09), (date(2018, 6, 5), 0.06)),
    holidays=(
        Holiday(10, 17, 7, 1.9), Holiday(10, 19, 1, 1.0, closed=True), Holiday(1, 26, 1, 0.5, closed=True),
        Holiday(3, 13, 2, 0.8, closed=True), Holiday(8, 15, 1, 0.5, closed=True), Holiday(5, 5, 35, 0.5),
    ),
    high_season=(6, 11),
    week_profile=(0.14, 0.13, 0.13, 0.12, 0.16, 0.20, 0.12),
)  # fmt: skip
ZX = replace(
    ZZ,
    prices=(5_990, 8_490, 11_990),
    boxes=(0.35, 0.45, 0.20),
    methods=(0.60, 0.12, 0.25, 0.03),
    level=-0.25,
    novice=0.24,
    fading=3.5,
    resting=0.014,
    late=0.07,
    sessions=2.4,
    rises=((date(2016, 4, 5), 0.04), (date(2017, 2, 7), 0.08), (date(2017, 8, 1), 0.05), (date(2018, 8, 7), 0.05)),
    holidays=(
        Holiday(12, 20, 35, 0.9), Holiday(12, 23, 11, 2.2), Holiday(12, 25, 2, 1.0, closed=True),
        Holiday(1, 1, 2, 0.8, closed=True), Holiday(4, 25, 1, 0.4, closed=True), Holiday(6, 5, 1, 0.3, closed=True),
        Holiday(7, 8, 14, 0.6), Holiday(9, 30, 12, 0.5),
    ),
    high_season=(2, 7),
)  # fmt: skip
MARKETS = {"ZZ": ZZ, "ZY": ZY, "ZX": ZX}


def of(country: Country) -> Market:
    """The market of an invented country; any other country gets that of ZZ."""
    return MARKETS.get(country.code, ZZ)

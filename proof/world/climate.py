"""What everyone in a world shares: prices, holidays, weather, strikes, outages, waves of new customers.

It is drawn once per world, never per chunk, and reaches past the world's end for those who live on from there.
"""

from __future__ import annotations

import functools
from datetime import date

import numpy as np
from numpy.typing import NDArray

from proof.world import market as markets
from proof.world.localtime import LocalTime
from proof.world.world import EVERYONE, World
from scv.events import calendar

Floats = NDArray[np.float64]
AHEAD = 4
"""Boxes that can be skipped ahead of the open one."""
_LAUNCH = 0.22
"""Share of all customers who start in the first three weeks."""


class Climate:
    """Per week (from 0, reaching one horizon past the end): `price` (factor), `rise` (relative, in that week),
    `mood` (added to the log rate of leaving), `wave` (bool). Per local day from the world's first: `away`, `closed`,
    `late` (chance that a box due then is late), `app` (factor on sessions)."""

    def __init__(self, world: World) -> None:
        self.world, self.country, self.market = world, world.country, markets.of(world.country)
        self.first_day = world.first_day
        self.weeks = world.weeks + -(-self.country.horizon_days // 7) + 1
        self.days = 7 * (self.weeks + AHEAD + 2) + self.country.cut_off_days + 30
        self.clock = LocalTime(self.country.zone, self.first_day, self.days)
        rng = world.random(EVERYONE, "climate")
        dates = [calendar.to_date(self.first_day + n) for n in range(self.days)]
        self._prices()
        self._holidays(dates)
        self._weather(dates, rng)
        self._waves(dates, rng)
        self.week_ends = np.concatenate([[0.0], np.cumsum(self.market.week_profile)])
        self.week_ends /= self.week_ends[-1]

    def _prices(self) -> None:
        self.price, self.rise = np.ones(self.weeks), np.zeros(self.weeks)
        for day, share in self.market.rises:
            week = -(-(calendar.to_day(day) - self.first_day) // 7)
            if 0 < week < self.weeks:
                self.price[week:] *= 1 + share
                self.rise[week] = share

    def _holidays(self, dates: list[date]) -> None:
        self.away, self.closed = np.zeros(self.days), np.zeros(self.days, dtype=bool)
        days = np.arange(self.days) + self.first_day
        for year in range(dates[0].year - 1, dates[-1].year + 1):
            for one in self.market.holidays:
                first = calendar.to_day(date(year, one.month, one.day))
                on = (days >= first) & (days < first + one.days)
                self.away[on] = np.maximum(self.away[on], one.away)
                self.closed |= on & one.closed

    def _weather(self, dates: list[date], rng: np.random.Generator) -> None:
        """Bad weather lasts for days; a strike makes most boxes late; an outage keeps the app shut."""
        weather = _lasting(rng, self.days, 0.75, 0.35)
        winter = np.array([0.35 if day.month in (12, 1, 2) else 0.0 for day in dates])
        strike = np.zeros(self.days, dtype=bool)
        for first in np.flatnonzero(rng.random(self.days) < 1 / 150):
            strike[first : first + 3] = True
        usual = self.market.late * np.exp(weather + winter)
        self.late = np.clip(np.where(strike, 0.6, usual), 0, 0.9)
        outage = np.where(rng.random(self.days) < 1 / 120, 0.15, 1.0)
        profile = np.array([1.0, 0.95, 0.95, 0.9, 1.05, 1.3, 1.15])[np.arange(self.days) % 7]
        self.app = profile * outage * np.exp(_lasting(rng, self.days, 0.6, 0.12)) * (1 - 0.25 * (self.away > 1))
        self.mood = _lasting(rng, self.weeks, 0.7, 0.08)

    def _waves(self, dates: list[date], rng: np.random.Generator) -> None:
        weeks = self.world.weeks
        level = np.exp(_lasting(rng, weeks, 0.6, 0.2))
        level *= [1.6 if dates[7 * week].month in self.market.high_season else 1.0 for week in range(weeks)]
        self.wave = np.zeros(weeks, dtype=bool)
        for first in range(int(rng.integers(4, 12)), weeks, 13):
            self.wave[first : first + 2] = True
        level[self.wave] *= 3
        level /= level.sum() / (1 - _LAUNCH)
        level[:3] += _LAUNCH / min(3, weeks)
        self.joining = np.cumsum(level / level.sum())


def _lasting(rng: np.random.Generator, size: int, memory: float, spread: float) -> Floats:
    """An autoregression of that memory with stationary standard deviation `spread`."""
    noise = rng.normal(0, spread * np.sqrt(1 - memory**2), size)
    found, last = np.empty(size), float(rng.normal(0, spread))
    for n in range(size):
        found[n] = last = memory * last + noise[n]
    return found


@functools.lru_cache(maxsize=8)
def of(world: World) -> Climate:
    return Climate(world)


class ClimateWeek:
    """One week of a climate: its number, its first local day, and what is asked of it."""

    def __init__(self, climate: Climate, number: int) -> None:
        self.climate, self.number = climate, number
        self.market, self.country = climate.market, climate.country
        self.day = climate.first_day + 7 * number
        self.rise, self.price = float(climate.rise[number]), float(climate.price[number])
        self.mood = float(climate.mood[number])

    def due(self, cut_off: NDArray[np.int64], ahead: int = 0) -> NDArray[np.int64]:
        """The local day of the delivery whose cut-off lies `cut_off` days after the week's beginning."""
        return self.day + cut_off + self.country.cut_off_days + 7 * ahead

    def away(self, cut_off: NDArray[np.int64], ahead: int = 0) -> Floats:
        """How many more people are on holiday when that delivery comes (log odds of skipping it)."""
        return self.climate.away[self.due(cut_off, ahead) - self.climate.first_day]

    def before(self, offset: NDArray[np.int64]) -> Floats:
        """The share of a week's clicks on the days before the day `offset` (1 to 7)."""
        return self.climate.week_ends[offset]

    def click_day(self, luck: Floats, share: Floats | float = 1.0) -> NDArray[np.int64]:
        """Day 0 to 6 of a click, among the days that make up the first `share` of the clicks; `luck` in [0, 1)."""
        found = np.searchsorted(self.climate.week_ends, luck * share, side="right") - 1
        return np.minimum(found, 6).astype(np.int64)

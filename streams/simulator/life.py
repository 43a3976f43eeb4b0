"""An invented weekly-box company: events of every family, with reasons to leave that a model can find.

Nothing here is real. Late boxes, complaints, failed payments, skipped weeks and fading app use raise the risk of a
cancellation; the risk falls with tenure; customers differ by a frailty that no event shows. The last instant is
local midnight of `world.ENDS` (or later where the country's span needs it); every event is seen before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scv import calendar
from scv.country import Country
from streams.simulator.diary import Diary
from streams.simulator.dirt import dirty
from streams.simulator.world import World

BOXES = np.array(["small", "classic", "family"])
PRICES = np.array([3999, 5499, 7999])
MEALS = np.array([3, 4, 5])
METHODS = np.array(["card", "paypal", "direct_debit"])
FAIL_RATES = np.array([0.045, 0.02, 0.012])
PHONES = np.array([["Apple", "iPhone 7"], ["Apple", "iPhone SE"], ["Samsung", "Galaxy S8"], ["Samsung", "Galaxy A5"],
                   ["Huawei", "P10"], ["Sony", "Xperia XZ"]])  # fmt: skip
SOURCES = np.array(["search", "friend", "voucher", "television"])
CHANNELS = np.array(["email", "push", "phone"])
GIVEN_AT_START = np.array([0.85, 0.5, 0.6])
DISPOSITIONS = np.array(["offer accepted", "no interest", "call back", "asked not to be contacted"])
TOPICS = np.array(["late box", "missing item", "quality", "invoice"])

ABSENT, ACTIVE, PAUSED, GONE = range(4)
_HOUR = 3600
_AHEAD = 4

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


def simulate(country: Country, customers: int = 200, weeks: int = 30, seed: int = 7, clean: bool = False) -> pa.Table:
    """Events in the wide schema, in no particular order; equal arguments give equal tables.

    `clean` leaves out late, duplicate and conflicting deliveries. Raises UserError when the weeks do not fit into the
    country's span or a number makes no sense.
    """
    end = World(country, customers, weeks, seed).ends_on
    rng = np.random.default_rng(seed)
    world = _World(country, customers, calendar.to_day(end) - 7 * weeks, weeks, rng)
    for week in range(weeks):
        world.live(week)
    events = world.diary.table(f"{country.code}-{seed}")
    return events if clean else dirty(events, rng, calendar.to_us(calendar.midnight(end, country.zone)))


class _World:
    """State of all customers as arrays; `live(week)` moves it by a week and logs what happened."""

    def __init__(self, country: Country, n: int, first_day: int, weeks: int, rng: np.random.Generator) -> None:
        self.country, self.n, self.first_day, self.rng = country, n, first_day, rng
        self.diary = Diary(country.code, country.zone, first_day, first_day + 7 * weeks)
        self.emit = self.diary.note
        early = rng.random(n) < 0.5
        self.joins = np.where(early, rng.integers(0, 2, n), rng.integers(0, max(1, weeks * 4 // 5), n))
        self.status = np.full(n, ABSENT)
        self.box = rng.choice(3, n, p=[0.3, 0.5, 0.2])
        self.method = rng.choice(3, n, p=[0.5, 0.3, 0.2])
        self.phone = rng.integers(0, len(PHONES), n)
        delivery = rng.choice(np.array(country.delivery_weekdays), n)
        self.weekday = delivery
        self.cut_off = (delivery - country.cut_off_days - (first_day + 3)) % 7  # 1970-01-01 was a Thursday
        self.frailty = rng.normal(0, 0.5, n)
        self.habit = rng.gamma(4, 0.25, n)
        self.warmth = self.habit.copy()
        self.grumble = np.zeros(n)
        self.unpaid = np.zeros(n, dtype=bool)
        self.since = np.zeros(n, dtype=np.int64)  # week of the last change of status
        self.until = np.zeros(n, dtype=np.int64)  # week in which a pause ends
        self.skipped = np.zeros((n, weeks + _AHEAD), dtype=bool)
        self.given = np.zeros((n, 3), dtype=bool)

    def live(self, week: int) -> None:
        leaving = self._leave(week)
        self._use_app(week, leaving)
        self._skip(week)
        self._order(week, leaving)
        self._pause_and_resume(week, leaving)
        mailed = self._mail(week)
        self._come_back(week, mailed)
        self._talk(week)
        self._join(week)

    def chance(self, share: Any) -> Mask:
        """One draw per customer, whoever it concerns, so that one customer's luck never moves another's."""
        return self.rng.random(self.n) < share

    def clock(self, first_hour: int, last_hour: int, size: int | None = None) -> Ints:
        return self.rng.integers(first_hour * _HOUR, last_hour * _HOUR, self.n if size is None else size)

    def start(self, week: int) -> int:
        return self.first_day + 7 * week

    def _join(self, week: int) -> None:
        new = self.joins == week
        who, day = np.flatnonzero(new), self.start(week) + self.rng.integers(0, 7, self.n)[new]
        second = self.clock(8, 22)[new]
        source = SOURCES[self.rng.integers(0, len(SOURCES), self.n)[new]]
        self.emit("started", who, day, second, delivery_weekday=self.weekday[new], source=source)
        born, told = 2017 - self.rng.integers(19, 75, self.n)[new], self.rng.random(self.n)[new]
        decade = (2017 - born) // 10 * 10
        band = [f"{low}-{low + 9}" for low in decade]
        sex = [None if one >= 0.95 else "f" if one < 0.55 else "m" for one in told]
        self.emit("set", who, day, second + 1, birth_year=born, age_band=band, sex=sex)
        consents = self.rng.random((self.n, 3)) < GIVEN_AT_START
        self.given[who] = consents[who]
        for index, channel in enumerate(CHANNELS):
            self.emit("consent", who, day, second + 2 + index, channel=[channel] * len(who), given=consents[who, index])
        self._enter(new, ACTIVE, week)

    def _enter(self, who: Mask, status: int, week: int) -> None:
        self.status[who], self.since[who] = status, week

    def _leave(self, week: int) -> Ints:
        """The day of the week on which a customer cancels, 7 for those who stay."""
        self.here = self.status == ACTIVE  # until that day a leaver uses the app and passes the cut-off like others
        tenure = np.maximum(week - self.joins, 0)
        skips = self.skipped[:, max(0, week - 4) : week].sum(axis=1)
        level = np.log(0.006 + 0.05 * np.exp(-tenure / 4))
        pull = 1.3 * self.grumble - 1.8 * (self.warmth / self.habit - 1) + 0.8 * skips + 0.6 * self.frailty
        risk = np.clip(np.exp(level + pull), 0, 0.6)
        here = (self.status == ACTIVE) | (self.status == PAUSED)
        voluntary = here & self.chance(np.where(self.status == PAUSED, risk * 0.6, risk))
        forced = here & ~voluntary & self.chance(np.where(self.unpaid, 0.3, 0.0006))
        gone = voluntary | forced
        day = np.where(gone, self.rng.integers(0, 7, self.n), 7)
        self.emit("cancelled", gone, self.start(week) + day[gone], self.clock(7, 23)[gone], voluntary=voluntary[gone])
        self._enter(gone, GONE, week)
        self.unpaid &= ~gone
        return day

    def _use_app(self, week: int, leaving: Ints) -> None:
        drift = self.rng.normal(0, 0.18, self.n) - 0.12 * self.grumble
        self.warmth = np.clip(0.85 * self.warmth + 0.15 * self.habit + self.habit * drift, 0.02, 6)
        self.phone = np.where(self.chance(0.004), self.rng.integers(0, len(PHONES), self.n), self.phone)
        rate = np.where(self.here, 3.0, np.where(self.status == PAUSED, 0.5, 0.05)) * self.warmth
        count = self.rng.poisson(np.where(self.status == ABSENT, 0.0, rate))
        who = np.repeat(np.arange(self.n), count)
        day = self.rng.integers(0, 7, len(who))
        stayed = day <= leaving[who]
        who, day = who[stayed], day[stayed]
        size = len(who)
        length = np.minimum(self.rng.lognormal(4.6, 0.9, size), 7200).astype(np.int64) + 5
        device = PHONES[self.phone[who]]
        self.emit("session", who, self.start(week) + day, self.clock(6, 24, size), duration_s=length,
                  device_brand=device[:, 0], device_model=device[:, 1])  # fmt: skip

    def _skip(self, week: int) -> None:
        """Clicks on a box one to three weeks ahead; some are taken back the next day."""
        ahead = week + self.rng.integers(1, _AHEAD, self.n)
        target = self.start(0) + 7 * ahead + self.cut_off + self.country.cut_off_days
        holiday = np.isin([calendar.to_date(int(day)).month for day in target], (8, 12))
        doing = (self.status == ACTIVE) & self.chance(0.05 + 0.05 * holiday + 0.06 * self.grumble)
        doing &= ~self.skipped[np.arange(self.n), ahead]
        undone = doing & self.chance(0.15)
        day, second = self.start(week) + self.rng.integers(0, 5, self.n), self.clock(7, 23)
        self.emit("skipped", doing, day[doing], second[doing], delivery_on=target[doing])
        self.emit("unskipped", undone, day[undone] + 1, second[undone], delivery_on=target[undone])
        self.skipped[doing & ~undone, ahead[doing & ~undone]] = True

    def _order(self, week: int, leaving: Ints) -> None:
        boxed = self.here & (self.cut_off < leaving) & ~self.skipped[:, week] & (self.since < week)
        day, second = self.start(week) + self.cut_off, self.clock(18, 23)
        redeems = boxed & self.chance(np.where(week - self.joins < 4, 0.45, 0.06))
        voucher = np.where(week - self.joins < 4, "WELCOME", "EXTRA10")
        price = PRICES[self.box]
        discount = np.where(redeems, np.where(week - self.joins < 4, price * 3 // 10, 1000), 0)
        size = self.box[boxed]
        self.emit("placed", boxed, day[boxed], second[boxed], amount_cents=(price - discount)[boxed],
                  discount_cents=discount[boxed], items=MEALS[size], box_size=BOXES[size])  # fmt: skip
        self.emit("voucher_redeemed", redeems, day[redeems], second[redeems], voucher=voucher[redeems])
        self._pay(boxed, day, price - discount)
        self._deliver(boxed, day + self.country.cut_off_days)

    def _pay(self, boxed: Mask, day: Ints, amount: Ints) -> None:
        fails = boxed & self.chance(FAIL_RATES[self.method])
        mended = fails & self.chance(0.75)
        paid = boxed & (~fails | mended)
        method, second = METHODS[self.method], self.clock(4, 7)
        late = np.where(mended, 2, 0)
        self.emit("failed", fails, day[fails] + 1, second[fails], method=method[fails], amount_cents=amount[fails])
        self.emit("charged", paid, (day + 1 + late)[paid], second[paid], method=method[paid], amount_cents=amount[paid])
        self.unpaid = np.where(boxed, fails & ~mended, self.unpaid)

    def _deliver(self, boxed: Mask, day: Ints) -> None:
        """The box, what is said about it, and what it leaves behind."""
        late = np.where(self.chance(0.09), 1 + self.rng.poisson(0.5, self.n), 0)
        arrives, second = day + late, self.clock(8, 20)
        self.emit("delivered", boxed, arrives[boxed], second[boxed], late_days=late[boxed])
        stars = np.clip(np.round(self.rng.normal(4.4 - 0.9 * (late > 0) - 0.3 * self.grumble, 0.8)), 1, 5).astype(
            np.int64
        )
        rates = boxed & self.chance(0.3)
        self.emit("rating", rates, arrives[rates] + 1, second[rates], stars=stars[rates])
        complains = boxed & self.chance(np.where(late > 0, 0.3, 0.02))
        topic = np.where(late > 0, TOPICS[0], TOPICS[self.rng.integers(1, 4, self.n)])
        self.emit("complaint_opened", complains, arrives[complains], second[complains] + _HOUR, topic=topic[complains])
        closes = complains & self.chance(0.9)
        wait = self.rng.integers(1, 8, self.n)
        self.emit("complaint_closed", closes, (arrives + wait)[closes], self.clock(9, 17)[closes])
        self.grumble = 0.7 * self.grumble + np.where(boxed, 0.5 * (late > 0) + 0.6 * complains + 0.3 * self.unpaid, 0)

    def _pause_and_resume(self, week: int, leaving: Ints) -> None:
        back = (self.status == PAUSED) & (self.until <= week) & (leaving == 7)
        self.emit("resumed", back, self.start(week) + self.rng.integers(0, 2, self.n)[back], self.clock(7, 22)[back])
        self._enter(back, ACTIVE, week)
        pauses = (self.status == ACTIVE) & (self.since < week) & self.chance(0.012 + 0.012 * self.grumble)
        self.until = np.where(pauses, week + self.rng.integers(2, 7, self.n), self.until)
        day = self.start(week) + self.rng.integers(5, 7, self.n)
        told = np.where(self.chance(0.85), self.first_day + 7 * self.until, -1)
        self.emit("paused", pauses, day[pauses], self.clock(7, 22)[pauses], until_on=told[pauses])
        self._enter(pauses, PAUSED, week)

    def _mail(self, week: int) -> Mask:
        """News for those who are here, an invitation for those who left; true for the latter."""
        reached = self.given[:, 0] & (self.status != ABSENT)
        news = reached & (self.status != GONE) & self.chance(0.6)
        invited = reached & (self.status == GONE) & (self.since < week) & self.chance(0.2)
        self.emit("sent", news, self.start(week) + 1, 9 * _HOUR, campaign=[f"news-{week}"] * int(news.sum()))
        self.emit("sent", invited, self.start(week) + 1, 10 * _HOUR, campaign=["come-back"] * int(invited.sum()))
        return invited

    def _come_back(self, week: int, mailed: Mask) -> None:
        away = week - self.since
        rate = (0.012 + 0.07 * np.exp(-away / 6)) * np.where(mailed, 2.2, 1.0) * np.sqrt(self.habit)
        back = (self.status == GONE) & (away > 0) & self.chance(rate)
        day = self.start(week) + self.rng.integers(2, 7, self.n)
        self.emit("reactivated", back, day[back], self.clock(7, 23)[back], delivery_weekday=self.weekday[back])
        self.grumble[back] *= 0.3
        self._enter(back, ACTIVE, week)

    def _talk(self, week: int) -> None:
        """A few calls to those who grumble, and consents that change."""
        calls = (self.status == ACTIVE) & self.given[:, 2] & self.chance(0.01 + 0.04 * (self.grumble > 0.8))
        reached, said = self.chance(0.55), self.rng.choice(4, self.n, p=[0.3, 0.4, 0.2, 0.1])
        day, second = self.start(week) + self.rng.integers(1, 5, self.n), self.clock(9, 18)
        lists = [f"{self.country.code}-{calendar.to_date(self.start(week))}"] * int(calls.sum())
        words = [DISPOSITIONS[said[who]] if reached[who] else None for who in np.flatnonzero(calls)]
        self.emit("outcome", calls, day[calls], second[calls], list_id=lists, channel=["phone"] * len(lists),
                  reached=reached[calls], disposition=words)  # fmt: skip
        self.grumble[calls & reached] *= 0.6
        refuses = np.zeros((self.n, 3), dtype=bool)
        refuses[:, 2] = calls & reached & (said == 3)
        flips = (self.rng.random((self.n, 3)) < 0.004) & (self.status != ABSENT)[:, None]
        for index, channel in enumerate(CHANNELS):
            who = (refuses | flips)[:, index]
            self.given[who, index] ^= True
            given = self.given[who, index]
            self.emit("consent", who, day[who], second[who] + 60, channel=[channel] * len(given), given=given)

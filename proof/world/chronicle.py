"""Writes down what happened in a week, as events of every family: instants, words, and reports that come late.

Nothing here moves anybody's state; its luck is its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from proof.world import climate as climates
from proof.world import words
from proof.world.aftermath import GIVE_UP_DAYS, Aftermath, after
from proof.world.boxes import RETRIES, RETRY_DAYS
from proof.world.diary import Diary
from proof.world.engine import Happened
from proof.world.lifecycle import PAID_DAYS
from proof.world.subscribers import ACTIVE, NEVER, PAUSED, Floats, Ints, Mask
from proof.world.words import ACCEPTED, BANDS, CHANNELS, EMAIL, EXTRA, MEALS
from proof.world.world import World
from scv.events import calendar

SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
_WAKING = np.cumsum([0, 1, 0.4, 0.2, 0.2, 0.4, 1, 3, 5, 5, 4, 4, 5, 6, 5, 4, 4, 5, 7, 9, 10, 9, 7, 4, 2.0])
_WAKING /= _WAKING[-1]
_PER_STATUS = np.array([0.0, 1.0, 0.35, 0.18])
"""App sessions against the habit."""


class Chronicle:
    """Notes in `diary`; remembers each customer's phone, the only state that moves nothing."""

    def __init__(self, world: World, chunk: int, diary: Diary) -> None:
        self.climate, self.diary = climates.of(world), diary
        self.colour, self.regret = world.random(chunk, "colour"), world.random(chunk, "regret")
        market = self.climate.market
        self.phone = self.colour.choice(len(market.phones), len(world.members(chunk)), p=market.phones)

    def write(self, week: Happened) -> None:
        self._starts(week)
        self._subscription(week)
        self._skips(week)
        taken = np.flatnonzero(week.boxes.taken)
        orders, regrets = self._orders(week, taken), after(week.before, week.boxes, taken, self.regret)
        self._payments(week, taken)
        self._deliveries(week, taken[~regrets.called_off])
        self._aftermath(week, taken, orders, regrets)
        self._contacts(week)
        self._mail(week)
        self._sessions(week)

    def _at(self, day: Any, us: Any) -> Ints:
        return self.climate.clock.instant(day, us)

    def _waking(self, count: int) -> Ints:
        """Times of day at which people click; what takes a minute ends before midnight."""
        us = (np.interp(self.colour.random(count), _WAKING, np.arange(25.0)) * HOUR).astype(np.int64)
        return np.minimum(us, DAY - MINUTE)

    def _between(self, first: float, last: float, count: int) -> Ints:
        """Times of day, or delays, from so many hours on to so many."""
        return ((first + (last - first) * self.colour.random(count)) * HOUR).astype(np.int64)

    def _starts(self, week: Happened) -> None:
        s, who = week.before, np.flatnonzero(week.moves.started)
        at = self._at(week.week.day + week.moves.day[who], self._waking(len(who)))
        self._said(week, "started", who, at, delivery_weekday=s.weekday[who], source=s.source[who])
        self._profile(week, who, at + 2 * SECOND)
        for channel in range(len(CHANNELS)):
            at = at + 3 * SECOND
            self.diary.note("consent", who, at, channel=channel, given=s.consent[who, channel])

    def _profile(self, week: Happened, who: Ints, at: Ints) -> None:
        """Some do not say when they were born, some give their age roughly, some nothing at all."""
        luck = self.colour.random((3, len(who)))
        age = 19 + np.floor(56 * self.colour.beta(2, 2.6, len(who))).astype(np.int64)
        band = np.clip((age - 20) // 10, 0, len(BANDS) - 1)
        self.diary.note(
            "set", who, at,
            birth_year=np.where(luck[0] < 0.12, -1, calendar.to_date(week.week.day).year - age),
            age_band=np.where(luck[1] < 0.8, band, -1),
            sex=np.where(luck[2] < 0.95, np.where(luck[2] < 0.55, 0, 1), -1),
        )  # fmt: skip

    def _subscription(self, week: Happened) -> None:
        moves, s, day = week.moves, week.before, week.week.day
        at = self._at(day + np.minimum(moves.day, 6), self._waking(len(moves.day)))
        planned = moves.resumed & (s.until == day + moves.day)
        at = np.where(planned, self._at(day + np.minimum(moves.day, 6), self._between(0.1, 5, len(at))), at)
        told = moves.resumed & ~(planned & (self.colour.random(len(at)) < 0.5))  # others just go on at their date
        left, anew = moves.cancelled | moves.forced, moves.returned & s.anew
        back = moves.returned & ~anew
        ends = np.where(moves.cancelled & s.prepaid, moves.ends, -1)
        for kind, mask, payload in (
            ("cancelled", left, {"voluntary": moves.cancelled[left], "ends_on": ends[left]}),
            ("paused", moves.paused, {"until_on": np.where(moves.until < NEVER, moves.until, -1)[moves.paused]}),
            ("resumed", told, {}),
            ("reactivated", back, {"delivery_weekday": s.weekday[back]}),
            ("started", anew, {"delivery_weekday": s.weekday[anew]}),
        ):
            self._said(week, kind, np.flatnonzero(mask), at[mask], **payload)
        who = np.flatnonzero(moves.undone)
        at = self._at(day + moves.back[who], self._waking(len(who)))
        self._said(week, "reactivated", who, at, delivery_weekday=s.weekday[who])
        self._switches(week, np.flatnonzero(moves.switched))

    def _switches(self, week: Happened, who: Ints) -> None:
        """Some exchange their subscription for another on the week's last evening; its boxes go on for a while."""
        day = week.week.day
        at = self._at(day + 6, self._between(20, 22, len(who)))
        self._said(week, "started", who, at, 1, delivery_weekday=week.before.weekday[who])
        self._said(week, "cancelled", who, at + MINUTE, voluntary=True, ends_on=day + PAID_DAYS)

    def _said(self, week: Happened, kind: str, who: Ints, at: Ints, other: int = 0, **payload: Any) -> None:
        """An event of the subscription (or the `other`), which has a name where there is another one, ever."""
        s = week.before
        name = np.where(s.switches[who] < NEVER, s.second[who] + other, -1)
        self.diary.note(kind, who, at, subscription_id=name, **payload)

    def _skips(self, week: Happened) -> None:
        skips, s, now = week.skips, week.before, week.week
        who = np.flatnonzero(skips.open)
        at = self._at(now.day + skips.day[who], self._waking(len(who)))
        self._said(week, "skipped", who, at, delivery_on=now.due(s.cut_off[who]))
        taken_back = skips.regretted[who]
        who, at = who[taken_back], at[taken_back]
        left = self._at(now.day + s.cut_off[who], 0) - at
        later = at + 1 + (self.colour.random(len(who)) * (left - 1)).astype(np.int64)
        self._said(week, "unskipped", who, later, delivery_on=now.due(s.cut_off[who]))
        self._later_skips("skipped", week, skips.later, skips.later_day, 1)
        self._later_skips("unskipped", week, skips.undone, skips.undone_day, 0)

    def _later_skips(self, kind: str, week: Happened, clicks: Mask, day: Ints, first: int) -> None:
        """Clicks on several boxes are seconds apart."""
        who, box = np.nonzero(clicks)
        at = self._at(week.week.day + day, self._waking(len(day)))[who] + 7 * SECOND * box
        on = week.week.due(week.before.cut_off[who]) + 7 * (box + first)
        self._said(week, kind, who, at, delivery_on=on)

    def _orders(self, week: Happened, who: Ints) -> Ints:
        """Their numbers, by which what comes after names them."""
        boxes, s = week.boxes, week.before
        discount, box = boxes.discount[who], s.box[who]
        at = self._at(boxes.cut_day[who], self._between(0.08, 3, len(who)))
        orders = self.diary.note(
            "placed", who, at, amount_cents=boxes.price[who] - discount, discount_cents=discount,
            items=np.array(MEALS)[box], box_size=box,
        )  # fmt: skip
        used = discount > 0
        self.diary.note("voucher_redeemed", who[used], at[used] + SECOND, voucher=s.perk[who[used]])
        return orders

    def _payments(self, week: Happened, who: Ints) -> None:
        boxes, method = week.boxes, week.before.method[who]
        amount, failed = boxes.price[who] - boxes.discount[who], boxes.attempts[who]
        for attempt in range(RETRIES + 1):
            at = self._at(boxes.cut_day[who] + RETRY_DAYS * attempt, self._between(4, 9, len(who)))
            for kind, those in (("failed", failed > attempt), ("charged", failed == attempt)):
                self.diary.note(kind, who[those], at[those], method=method[those], amount_cents=amount[those])

    def _deliveries(self, week: Happened, who: Ints) -> None:
        """Boxes arrive; the courier's scan of one in seven comes the next day only. Then people speak."""
        boxes, late = week.boxes, week.boxes.late[who]
        came = self._at(boxes.arrives[who], self._between(8, 20.5, len(who)))
        scanned = np.where(self.colour.random(len(who)) < 0.85, self._between(0.1, 5, len(who)), DAY)
        self.diary.note("delivered", who, came, scanned, late_days=late)
        self._ratings(week, who, came)
        cross = boxes.complains[who]
        topic = np.where((late > 0) & (self.colour.random(len(who)) < 0.8), 0, self.colour.integers(1, 4, len(who)))
        opened = came + self._between(0.3, 9, len(who))
        self.diary.note("complaint_opened", who[cross], opened[cross], topic=topic[cross])
        closed = cross & (boxes.waits[who] > 0)
        at = self._at(boxes.arrives[who] + boxes.waits[who], self._between(8, 18, len(who)))
        self.diary.note("complaint_closed", who[closed], np.maximum(at, opened + MINUTE)[closed])

    def _aftermath(self, week: Happened, who: Ints, orders: Ints, then: Aftermath) -> None:
        """Boxes are packed, paid for or given up before they leave; people complain and send back once they came."""
        cut, due, came = (days[who] for days in (week.boxes.cut_day, week.boxes.due, week.boxes.arrives))
        packing, given_up, answered, picked_up, refunded = (
            self._at(day, (self.regret.uniform(first, last, len(who)) * HOUR).astype(np.int64))
            for day, first, last in (
                (np.maximum(due - 1, cut), 3.1, 7), (cut + GIVE_UP_DAYS, 9.1, 11), (came + 1, 30, 80),
                (came + 1, 9, 150), (came + 9, 9, 60),
            )
        )  # fmt: skip
        later = then.sent_back & ~then.at_once
        for kind, those, at, cents, items in (
            ("order_cancelled", then.called_off, given_up, 0, then.meals),
            ("order_cancelled", then.sold_out, packing, then.meal, 1),
            ("refunded", then.consoled, answered, then.relief, then.bad),
            ("returned", then.sent_back, picked_up, np.where(then.at_once, then.paid, 0), then.meals),
            ("refunded", later, refunded, then.paid, -1),
        ):
            told = {"amount_cents": np.broadcast_to(cents, len(who)), "items": np.broadcast_to(items, len(who))}
            told = {name: values[those] for name, values in told.items()}
            self.diary.note(kind, who[those], at[those], order_id=orders[those], **told)

    def _ratings(self, week: Happened, who: Ints, came: Ints) -> None:
        """Stars tell taste and mood, roughly; those who use the app rate more often."""
        s, count = week.before, len(who)
        rates = self.colour.random(count) < 0.28 * np.exp(0.3 * np.clip(s.warmth[who], -2, 1))
        stars = 4.1 + 0.5 * s.taste[who] + 0.4 * s.mood[who] - 0.9 * (week.boxes.late[who] > 0) - 0.3 * s.grumble[who]
        stars = np.clip(np.round(stars + self.colour.normal(0, 0.7, count)), 1, 5).astype(np.int64)
        at = came + self._between(2, 40, count)
        self.diary.note("rating", who[rates], at[rates], stars=stars[rates])

    def _contacts(self, week: Happened) -> None:
        contacts, now = week.contacts, week.week
        who = np.flatnonzero(contacts.called)
        reached, said = contacts.reached[who], contacts.said[who]
        at = self._at(now.day + contacts.day[who], self._between(9, 19, len(who)))
        self.diary.note(
            "outcome", who, at, self._between(0.05, 4, len(who)), list_id=now.number, channel=contacts.channel[who],
            reached=reached, disposition=np.where(reached, said, -1),
            offer_code=np.where(reached & (said == ACCEPTED), EXTRA, -1),
        )  # fmt: skip
        who, channel = np.nonzero(contacts.changed)
        at = self._at(now.day + contacts.day[who], self._between(19.1, 23.5, len(who)))
        self.diary.note("consent", who, at, channel=channel, given=contacts.consent[who, channel])

    def _mail(self, week: Happened) -> None:
        s, now = week.before, week.week
        here = ((s.status == ACTIVE) | (s.status == PAUSED)) & s.consent[:, EMAIL]
        luck = self.colour.random(len(s))
        price = self.climate.rise[min(now.number + 1, self.climate.weeks - 1)] > 0
        for campaign, mask, hour in (
            (words.NEWS + now.number, here & (luck < 0.55), 9),
            (words.SURVEY, here & (luck > 0.97), 15),
            (words.PRICE_CHANGE, here & price, 10),
            (words.GREETING, (s.age == 0) & here, 11),
            (words.COME_BACK, week.contacts.invited, 10),
            (words.GIFT, week.contacts.gifted, 10),
        ):
            who = np.flatnonzero(mask)
            at = self._at(now.day + 1, hour * HOUR) + (self.colour.random(len(who)) * 20 * MINUTE).astype(np.int64)
            self.diary.note("sent", who, at, self._between(0.01, 0.4, len(who)), campaign=campaign)

    def _sessions(self, week: Happened) -> None:
        """Reports of the app come minutes to days later: whenever the phone is online again."""
        s = week.before
        changes = self.colour.random(len(s)) < 0.004
        new = self.colour.choice(len(self.climate.market.phones), len(s), p=self.climate.market.phones)
        self.phone = np.where(changes, new, self.phone)
        who, day = np.nonzero(self.colour.poisson(self._rates(week)))
        count = len(who)
        at = self._at(week.week.day + day, self._waking(count))
        seconds = np.minimum(np.exp(self.colour.normal(4.7, 0.9, count)), 7200).astype(np.int64) + 5
        kind, luck = self.colour.random(count), self.colour.exponential(1, count)
        delay = np.where(kind < 0.72, 6 * MINUTE, np.where(kind < 0.95, 5 * HOUR, 36 * HOUR)) * np.minimum(luck, 8)
        phone, brand = self.phone[who], np.array(words.BRAND_OF)
        self.diary.note(
            "session", who, at, delay.astype(np.int64) + seconds * SECOND, duration_s=seconds,
            device_brand=brand[phone], device_model=phone,
        )  # fmt: skip

    def _rates(self, week: Happened) -> Floats:
        """float64[n, 7]: sessions a day; those who leave, or come, do so on their day."""
        s, moves = week.before, week.moves
        before, after = _PER_STATUS[s.status], _PER_STATUS[moves.status]
        offset = np.arange(7)
        standing = np.where(offset < moves.day[:, None], before[:, None], after[:, None])
        standing = np.where(offset == moves.day[:, None], np.maximum(before, after)[:, None], standing)
        first = week.week.day - self.climate.first_day
        usual = s.habit * np.exp(np.clip(0.9 * s.warmth, -3, 1.5)) / 7
        return usual[:, None] * standing * self.climate.app[first : first + 7]

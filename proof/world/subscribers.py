"""Subscribers as arrays: who they are, which no event shows, and where they stand at the beginning of a week.

Arrays are replaced, never written into: a shallow copy is the state as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from proof.world import climate as climates
from proof.world.climate import AHEAD
from proof.world.words import CHANNELS, FAIR, FRIEND, TELEVISION, VOUCHER, WAVE, WELCOME
from proof.world.world import World

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

ABSENT, ACTIVE, PAUSED, GONE = range(4)
STATUSES = ("absent", "active", "paused", "cancelled")
NEVER = 10**6
"""A local day that does not come: a pause without an end."""
REACH = 4
"""Weeks, the present one included, in which a box may leave its mark after its cut-off."""
_GIVEN = (0.88, 0.62, 0.45)
"""Consent at the start, by channel."""


@dataclass
class Subscribers:
    """n customers. Of their lives: `joins` (week), `enters` (day of it), `cut_off` (days after a week's beginning,
    1 to 7), `weekday` (of delivery), `box`, `method`, `source` (numbers of words).

    Latent for good: `taste` (how well the boxes please), `thrift` (price sensitivity, mean 1), `patience`, `habit`
    (app sessions a week), `busy` (log odds of skipping), `fortnightly`, `broke` (payment troubles), `frailty`,
    `prepaid` (who cancels gets what is paid for), `anew` (comes back by a new start), `switches` (weeks after which one
    subscription is exchanged for another, NEVER for most).

    Moving: `status`, `since` (local day of its last change), `age` (weeks since starting or coming back), `returns`,
    `mood`, `warmth` (log app use against the habit), `grumble` (disappointment), `slack` (share of boxes skipped
    lately), `unpaid` (bool), `sting` (price rise not yet digested), `perks` (boxes still cheaper) by `perk` (voucher),
    `bereft` (since the cheap boxes ended), `comfort` and `nudged` (weeks that a contact still works), `rested` (weeks
    since a contact), `until` (local day a pause ends), `ends` (local day up to which the cancelled get boxes),
    `second` (the subscription was exchanged), `forced` (the last end was not his wish), `fed` (the last box
    was taken), `eaten` (boxes taken so far), `consent` [n, channels], `ahead` [n, boxes] skipped from the open one on,
    `coming` [n, weeks] disappointment under way, `settling` [n, weeks]: 1 a payment, 2 a failure that stands by then.
    """

    number: Ints
    joins: Ints
    enters: Ints
    cut_off: Ints
    weekday: Ints
    box: Ints
    method: Ints
    source: Ints
    taste: Floats
    thrift: Floats
    patience: Floats
    habit: Floats
    busy: Floats
    fortnightly: Mask
    broke: Floats
    frailty: Floats
    prepaid: Mask
    anew: Mask
    switches: Ints
    status: Ints
    since: Ints
    age: Ints
    returns: Ints
    mood: Floats
    warmth: Floats
    grumble: Floats
    slack: Floats
    unpaid: Mask
    sting: Floats
    perks: Ints
    perk: Ints
    bereft: Floats
    comfort: Ints
    nudged: Ints
    rested: Ints
    until: Ints
    ends: Ints
    second: Mask
    forced: Mask
    fed: Mask
    eaten: Ints
    consent: Mask
    ahead: Mask
    coming: Floats
    settling: Ints

    def __len__(self) -> int:
        return len(self.number)

    def running(self, day: int) -> Mask:
        """Whose subscription runs as a local day begins: a pause is over on its date, whoever says so."""
        return (self.status == ACTIVE) | ((self.status == PAUSED) & (self.until <= day))

    def take(self, index: Any) -> Self:
        """Those at `index` (numbers, repeated ones too, or a mask)."""
        return type(self)(**{field.name: getattr(self, field.name)[index] for field in fields(self)})


def birth(world: World, chunk: int) -> Subscribers:
    """The customers of a chunk, before the first week: all of them still to come."""
    rng, climate = world.random(chunk, "birth"), climates.of(world)
    market, country = climate.market, world.country
    number = np.array(world.members(chunk), dtype=np.int64)
    n = len(number)
    joins = np.searchsorted(climate.joining, rng.random(n), side="right").clip(0, world.weeks - 1)
    wave = climate.wave[joins] & (rng.random(n) < 0.7)
    source = np.where(wave, rng.choice([VOUCHER, TELEVISION], n), rng.choice(len(market.sources), n, p=market.sources))
    glad = np.array(market.weekdays)[list(country.delivery_weekdays)]
    weekday = rng.choice(np.array(country.delivery_weekdays, dtype=np.int64), n, p=glad / glad.sum())
    perks = np.where(wave, 4, np.where(rng.random(n) < 0.45, 2, 0))
    perks = np.where(np.isin(source, (VOUCHER, FRIEND)), np.maximum(perks, 3), perks)
    enters = np.searchsorted(climate.week_ends, rng.random(n), side="right").clip(1, 7) - 1
    loyalty = np.where(source == FRIEND, -0.5, np.where(source == FAIR, 0.3, 0.0))
    return Subscribers(
        number=number,
        joins=joins.astype(np.int64),
        enters=np.where(wave, rng.integers(4, 6, n), enters).astype(np.int64),
        cut_off=(weekday - country.cut_off_days - 2) % 7 + 1,  # weeks begin on Tuesday, weekday 1
        weekday=weekday,
        box=rng.choice(3, n, p=market.boxes).astype(np.int64),
        method=rng.choice(len(market.methods), n, p=market.methods).astype(np.int64),
        source=source.astype(np.int64),
        perks=perks,
        perk=np.where(wave, WAVE, WELCOME),
        frailty=rng.normal(0, 1, n) + loyalty + 0.5 * wave,
        **_character(rng, n, market.sessions),
        **_beginning(rng, n),
        **_ways(rng, n),
    )


def _character(rng: np.random.Generator, n: int, sessions: float) -> dict[str, Any]:
    return {
        "taste": rng.normal(0, 1, n),
        "thrift": rng.gamma(2.0, 0.5, n),
        "patience": rng.normal(0, 1, n),
        "habit": sessions * rng.gamma(2.5, 0.4, n) + 0.15,
        "busy": rng.normal(0, 1.1, n),
        "fortnightly": rng.random(n) < 0.15,
        "broke": rng.gamma(0.6, 1.6, n),
    }


def _ways(rng: np.random.Generator, n: int) -> dict[str, Any]:
    """How someone comes and goes; nobody who exchanges a subscription pays ahead."""
    switches = np.where(rng.random(n) < 0.12, rng.integers(3, 16, n), NEVER)
    return {"prepaid": (rng.random(n) < 0.25) & (switches == NEVER), "anew": rng.random(n) < 0.3, "switches": switches}


def _beginning(rng: np.random.Generator, n: int) -> dict[str, Any]:
    none = np.zeros(n, dtype=np.int64)
    return {
        **dict.fromkeys(("since", "age", "returns", "comfort", "nudged", "eaten", "ends"), none),
        **dict.fromkeys(("grumble", "slack", "sting", "bereft"), np.zeros(n)),
        **dict.fromkeys(("unpaid", "forced", "fed", "second"), np.zeros(n, dtype=bool)),
        "status": np.full(n, ABSENT),
        "mood": rng.normal(0.6, 0.5, n),
        "warmth": rng.normal(0.3, 0.3, n),
        "rested": np.full(n, 9),
        "until": np.full(n, NEVER),
        "consent": rng.random((n, len(CHANNELS))) < _GIVEN,
        "ahead": np.zeros((n, AHEAD + 1), dtype=bool),
        "coming": np.zeros((n, REACH)),
        "settling": np.zeros((n, REACH), dtype=np.int64),
    }

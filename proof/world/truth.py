"""The probability of each target given everything latent: many lives lived on from the same state.

The engine that made the world lives on from a customer's state with other luck, as often as wanted; the share of
those lives in which the target comes true is its probability. Beyond sampling error no model passes it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from proof.world import climate as climates
from proof.world.climate import ClimateWeek
from proof.world.engine import Happened, live_on
from proof.world.life import customer_ids
from proof.world.lifecycle import open_box
from proof.world.subscribers import ACTIVE, GONE, PAUSED, Floats, Ints, Mask, Subscribers, birth
from proof.world.world import World
from scv.errors import UserError
from scv.events import calendar
from scv.events.country import Country
from scv.targets import target
from scv.targets.labels import INVOLUNTARY
from scv.targets.population import SETTLED_DAYS
from streams.replay.columns import INSTANT

RECORDED = ("cancellation", "pause", "reactivation")
LIVES_AT_ONCE = 100_000
ROWS = pa.schema(
    [
        ("country", pa.string()), ("customer_id", pa.string()), ("event_timestamp", INSTANT), ("target", pa.string()),
        ("probability", pa.float64()), ("paths", pa.int64()), ("y", pa.float64()), ("removed", pa.string()),
    ]
)  # fmt: skip
_FAR = 10**6


def probabilities(world: World, chunk: int, weeks: Sequence[int], sample: int, paths: int = 256) -> pa.Table:
    """Rows (`ROWS`) of the recorded targets for customers of a chunk at the references of `weeks`.

    At most `sample` rows per target, drawn from its population evenly over the weeks. `probability` is the share of
    the `paths` lives in which it comes true, among those that keep the row; `paths` how many these were. `y` is what
    really happened (null where the world ends before that is decided) and `removed` "" or why the row has no label.
    Raises UserError for a week that the world does not have.
    """
    for week in weeks:
        if not 0 <= week < world.weeks:
            raise UserError(f"Week {week} is not one of this world's: it has the weeks 0 to {world.weeks - 1}.")
    ordered = sorted(set(weeks))
    quota = _shares(sample, len(ordered))
    real = _Real(world, chunk)
    found = []
    for week, share in zip(ordered, quota, strict=True):
        state = real.reach(week)
        asked = _drawn(world, chunk, state, week, share)
        who = np.unique(np.concatenate(list(asked.values())))
        found.append(_Rows(week, state.number[who], who, asked, _lived_on(world, chunk, state.take(who), week, paths)))
    real.reach(min(world.weeks, (ordered[-1] if ordered else 0) + _horizon_weeks(world)))
    tables = [_table(world, rows, real) for rows in found]
    return pa.concat_tables(tables) if tables else ROWS.empty_table()


def population(world: World, state: Subscribers, week: int) -> dict[str, Mask]:
    """Target → bool[n]: who is asked at the beginning of the week, as `scv.targets.population` says from features."""
    day = world.first_day + 7 * week
    ago = day - np.maximum(state.since, state.ends)
    gone = state.status == GONE
    return {
        "cancellation": (state.status == ACTIVE) | (state.status == PAUSED),
        "pause": state.running(day) & ~state.ahead[:, 0],
        "reactivation": gone & (ago >= SETTLED_DAYS) & (ago <= world.country.memory_days),
    }


class Watch:
    """What labels ask about n lives from a reference on: the first local day of each kind of end and return (`_FAR`:
    never), and what became of the box that was open."""

    def __init__(self, n: int) -> None:
        self.left, self.forced, self.back = (np.full(n, _FAR) for _ in range(3))
        self.box: tuple[Mask, Mask] | None = None

    def see(self, happened: Happened) -> None:
        moves, first = happened.moves, happened.week.day
        if self.box is None:
            self.box = open_box(happened.before, moves, happened.skips)
        for name, mask, day in (
            ("left", moves.cancelled, moves.day),
            ("forced", moves.forced, moves.day),
            ("back", moves.returned, moves.day),
            ("back", moves.undone, moves.back),
        ):
            seen = np.where(mask, first + day, _FAR)
            setattr(self, name, np.minimum(getattr(self, name), seen))

    def labels(self, country: Country, day: int) -> dict[str, tuple[Mask, Mask]]:
        """Target → (came true, row removed), for the reference at the beginning of local day `day`."""
        assert self.box is not None
        end = day + country.horizon_days
        lost = self.forced < end
        return {
            "cancellation": (self.left < end, lost),
            "pause": self.box,
            "reactivation": (self.back < end, lost),
        }


class _Rows(NamedTuple):
    """The customers (positions `who`) sampled at a week, those asked per target, and how their lives went on."""

    week: int
    numbers: Ints
    who: Ints
    asked: Mapping[str, Ints]
    lives: Mapping[str, tuple[Floats, Ints]]


class _Real:
    """The life that was really lived, week by week, watched from every reference."""

    def __init__(self, world: World, chunk: int) -> None:
        self.world, self._climate = world, climates.of(world)
        self._state, self._fate, self._week = birth(world, chunk), world.random(chunk, "fate"), 0
        self.watches: dict[int, Watch] = {}

    def reach(self, week: int) -> Subscribers:
        """The state at the beginning of a week, and a watch from there on."""
        while self._week < week:
            self._state, happened = live_on(self._state, ClimateWeek(self._climate, self._week), self._fate)
            for watch in self.watches.values():
                watch.see(happened)
            self._week += 1
        self.watches.setdefault(week, Watch(len(self._state)))
        return self._state


def _horizon_weeks(world: World) -> int:
    return -(-max(target.get(name).decided_days(world.country) for name in RECORDED) // 7)


def _shares(sample: int, parts: int) -> list[int]:
    """`sample` cut into whole shares as even as can be."""
    return [sample * (n + 1) // parts - sample * n // parts for n in range(parts)]


def _drawn(world: World, chunk: int, state: Subscribers, week: int, share: int) -> dict[str, Ints]:
    """Target → positions of at most `share` customers of its population; one order for all, so that they overlap."""
    order = world.random(chunk, f"sample-{week}").permutation(len(state))
    asked = {name: order[mask[order]][:share] for name, mask in population(world, state, week).items()}
    return {name: np.sort(who) for name, who in asked.items()}


def _lived_on(world: World, chunk: int, state: Subscribers, week: int, paths: int) -> dict[str, tuple[Floats, Ints]]:
    """Target → (share of the lives that keep the row in which it comes true, how many keep it), per customer."""
    luck = world.random(chunk, f"truth-{week}")
    size, counted = max(1, LIVES_AT_ONCE // paths), defaultdict[str, list[Ints]](list)
    for n in range(0, len(state), size):
        some = state.take(slice(n, n + size))
        lives, watch = some.take(np.repeat(np.arange(len(some)), paths)), Watch(len(some) * paths)
        for number in range(week, week + _horizon_weeks(world)):
            lives, happened = live_on(lives, ClimateWeek(climates.of(world), number), luck)
            watch.see(happened)
        for name, (true, removed) in watch.labels(world.country, world.first_day + 7 * week).items():
            counts = np.stack([true & ~removed, ~removed]).reshape(2, -1, paths).sum(axis=2)
            counted[name].append(counts)
    found = {}
    for name, parts in counted.items():
        hits, kept = np.concatenate(parts, axis=1)
        found[name] = np.divide(hits, kept, out=np.full(len(state), np.nan), where=kept > 0), kept
    return found


def _table(world: World, rows: _Rows, real: _Real) -> pa.Table:
    day = world.first_day + 7 * rows.week
    labels = real.watches[rows.week].labels(world.country, day) if len(rows.who) else {}
    at = calendar.to_us(world.reference(rows.week))
    parts = []
    for name, asked in rows.asked.items():
        if not len(asked):
            continue
        place = np.searchsorted(rows.who, asked)
        share, kept = (values[place] for values in rows.lives[name])
        true, removed = (values[asked] for values in labels[name])
        known = day + target.get(name).decided_days(world.country) <= world.first_day + 7 * world.weeks
        columns = {
            "country": [world.country.code] * len(asked),
            "customer_id": customer_ids(rows.numbers[place]),
            "event_timestamp": pa.array(np.full(len(asked), at)).cast(pa.timestamp("us")).cast(INSTANT),
            "target": [name] * len(asked),
            "probability": pa.array(share, mask=np.isnan(share)),
            "paths": kept.astype(np.int64),
            "y": pa.array(true.astype(np.float64), mask=np.full(len(asked), not known)),
            "removed": np.where(removed, INVOLUNTARY, "").tolist(),
        }
        parts.append(pa.table(columns, schema=ROWS))
    return pa.concat_tables(parts) if parts else ROWS.empty_table()

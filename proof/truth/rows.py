"""Rows of a simulated world with their true probabilities, what then happened, and what the champion said.

The truth is the simulator's own (Monte Carlo over the very engine that made the world, given everything latent); the
champion reads snapshots, as it does for Tuesday's list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from proof.world import truth
from proof.world.world import World
from scorer import champions
from scv.events import calendar
from scv.events.country import Country
from scv.model.bundle import Bundle
from scv.offline import snapshot
from scv.offline.fetch import ensure
from scv.offline.snapshot import Snapshots
from scv.settings import Settings
from scv.targets import target
from scv.targets.phase import phase
from scv.targets.target import Target

LAST_WEEKS = 8
PATHS = 400
Say = Callable[[str, int, int], None]
"""What is being done, steps done, steps in all."""


@dataclass(frozen=True)
class TruthRows:
    """n rows (customer, reference) of one target, kept by the label and in both populations.

    `y` 1 or 0; `true` the Monte Carlo probability; `said` the champion's, None without one; `phase` object[n], None
    without a champion. `removed`: rows without a usable label, by reason; `strangers`: rows whose customer the
    world puts in the population and the product does not (a late event, say).
    """

    target: Target
    country: Country
    customers: np.ndarray
    at_us: np.ndarray
    y: np.ndarray
    true: np.ndarray
    paths: int
    said: np.ndarray | None = None
    phase: np.ndarray | None = None
    removed: int = 0
    strangers: int = 0
    model: str = ""

    def __len__(self) -> int:
        return len(self.y)


def weeks_judged(world: World, country: Country) -> list[int]:
    """The last weeks whose labels the world has decided, at most `LAST_WEEKS`."""
    longest = max(one.decided_days(country) for one in target.of_country(country))
    last = world.weeks - -(-longest // 7)
    return [week for week in range(last - LAST_WEEKS + 1, last + 1) if week > 0]


def collect(settings: Settings | None, world: World, sample: int, say: Say, paths: int = PATHS) -> list[TruthRows]:
    """The rows of each recorded target of a world's country: about `sample` of them each.

    With `settings`, the home whose champions and snapshots stand beside the truth (missing snapshots are fetched);
    a champion that was frozen after the first reference would have seen the answers and is left out.
    """
    weeks = weeks_judged(world, world.country)
    table = _truths(world, weeks, sample, paths, say)
    recorded = [one for one in target.of_country(world.country) if one.basis == "recorded"]
    models: dict[str, Bundle | None] = {one.name: None for one in recorded}
    if settings is not None:
        models = {one.name: _honest(settings, world, one, weeks) for one in recorded}
    said = _said(settings, world, weeks, models, say) if settings is not None and any(models.values()) else {}
    return [_rows(table, world.country, one, said.get(one.name), models[one.name], paths) for one in recorded]


def _truths(world: World, weeks: Sequence[int], sample: int, paths: int, say: Say) -> pa.Table:
    """Chunks in turn until the sample is full; one chunk bounds the memory."""
    share = -(-sample // world.chunks)
    found = []
    for chunk in range(world.chunks):
        say(f"{world.country.code}: living on {paths} times", chunk, world.chunks)
        found.append(truth.probabilities(world, chunk, weeks, share, paths))
    return pa.concat_tables(found)


def _honest(settings: Settings, world: World, one: Target, weeks: Sequence[int]) -> Bundle | None:
    model = champions.load(settings, world.country, one.name)
    return model if model is not None and model.info.reference <= world.reference(weeks[0]) else None


Said = dict[tuple[str, int], tuple[float, str]]
"""(customer, reference in us) → probability and phase."""


def _said(
    settings: Settings, world: World, weeks: Sequence[int], models: dict[str, Bundle | None], say: Say
) -> dict[str, Said]:
    found: dict[str, Said] = {name: {} for name, model in models.items() if model is not None}
    for done, week in enumerate(weeks):
        at = world.reference(week)
        say(f"{world.country.code}: what the champion said at {at:%Y-%m-%d}", done, len(weeks))
        tables = _snapshot(settings, world.country, at)
        joined = snapshot.join(tables)
        features = {name: joined[name].combine_chunks() for name in joined.column_names[3:]}
        ids, phases = joined["customer_id"].to_pylist(), phase(features, world.country)
        for name, model in models.items():
            if model is None:
                continue
            asked = target.get(name).population(features, world.country)
            scores = model.score(model.matrix(features))
            for i in np.flatnonzero(asked):
                found[name][ids[i], calendar.to_us(at)] = (float(scores[i]), str(phases[i]))
    return found


def _snapshot(settings: Settings, country: Country, at: datetime) -> dict[str, pa.Table]:
    snapshots = Snapshots(settings, country)
    ensure(settings, snapshots, [at])
    return snapshots.read(at)


def _rows(
    table: pa.Table, country: Country, one: Target, said: Said | None, model: Bundle | None, paths: int
) -> TruthRows:
    mine = table.filter(pa.compute.equal(table["target"], one.name))
    removed = np.array([text != "" for text in mine["removed"].to_pylist()], dtype=bool)
    mine, lost = mine.filter(pa.array(~removed)), int(removed.sum())
    customers = np.array(mine["customer_id"].to_pylist(), dtype=object).astype(str)
    at_us = np.asarray(mine["event_timestamp"].cast(pa.int64()))
    y = np.asarray(mine["y"], dtype=np.float64)
    true = smoothed(np.asarray(mine["probability"], dtype=np.float64), np.asarray(mine["paths"], dtype=np.float64))
    if said is None or model is None:
        return TruthRows(one, country, customers, at_us, y, true, paths, removed=lost)
    pairs = [said.get((customer, int(us))) for customer, us in zip(customers, at_us, strict=True)]
    known = np.array([pair is not None for pair in pairs], dtype=bool)
    return TruthRows(
        one,
        country,
        customers[known],
        at_us[known],
        y[known],
        true[known],
        paths,
        said=np.array([pair[0] for pair in pairs if pair is not None]),
        phase=np.array([pair[1] for pair in pairs if pair is not None], dtype=object),
        removed=lost,
        strangers=int((~known).sum()),
        model=model.info.id,
    )


def smoothed(share: np.ndarray, paths: np.ndarray) -> np.ndarray:
    """A count of n paths as a probability that is never 0 or 1 (Jeffreys' half a path each way)."""
    return (share * paths + 0.5) / (paths + 1)

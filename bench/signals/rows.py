"""Rows of one target in an invented world: true chances, the latent state, what the product knew, what it said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from bench.signals.signal import SIGNALS, states
from proof.truth.rows import Say, smoothed
from proof.world import truth
from proof.world.life import customer_ids
from proof.world.world import World
from scorer import champions
from scv.errors import UserError
from scv.events import calendar
from scv.offline import snapshot
from scv.offline.fetch import ensure
from scv.offline.snapshot import Snapshots
from scv.settings import Settings
from scv.targets.phase import phase
from scv.targets.target import Target
from trainer.dataset import columns_of

KEYS = ["customer_id", "week"]
PATHS = 64
"""Lives that a chance is counted in."""


@dataclass(frozen=True)
class SignalRows:
    """n rows of (customer, week): `true` float64[n] their chance given everything latent, `paths` lives it was counted
    in; `features` float64[n, k] as a model gets them; `latent` signal → float64[n, columns]; `said` float64[n] the
    champion's and `new` bool[n] whether its phase is new; `judged` bool[n]: of the weeks that nothing was fitted on.
    """

    true: np.ndarray
    paths: np.ndarray
    features: np.ndarray
    latent: dict[str, np.ndarray]
    said: np.ndarray
    new: np.ndarray
    judged: np.ndarray

    def __len__(self) -> int:
        return len(self.true)


def gather(
    settings: Settings, world: World, target: Target, fitted: Sequence[int], judged: Sequence[int], say: Say
) -> SignalRows:
    """Everybody whom the target asks about at those weeks, in the world and in the product. Missing snapshots are
    fetched. Raises UserError without a champion."""
    weeks = [*fitted, *judged]
    chances = pd.concat(_chances(world, target, weeks, say), ignore_index=True)
    latent = pd.concat(_latent(world, weeks), ignore_index=True)
    known = pd.concat(_known(settings, world, target, weeks, say), ignore_index=True)
    rows = chances.merge(latent, on=KEYS).merge(known, on=KEYS)
    of = {one.name: [name for name in rows if str(name).startswith(f"{one.name}: ")] for one in SIGNALS}
    return SignalRows(
        true=rows["true"].to_numpy(),
        paths=rows["paths"].to_numpy(dtype=np.float64),
        features=rows[[name for name in rows if str(name).startswith("feature: ")]].to_numpy(),
        latent={name: rows[columns].to_numpy() for name, columns in of.items()},
        said=rows["said"].to_numpy(),
        new=rows["new"].to_numpy(dtype=bool),
        judged=rows["week"].isin(judged).to_numpy(),
    )


def _chances(world: World, target: Target, weeks: Sequence[int], say: Say) -> Iterator[pd.DataFrame]:
    number = {calendar.to_us(world.reference(week)): week for week in weeks}
    for chunk in range(world.chunks):
        say("living on", chunk, world.chunks)
        table = truth.probabilities(world, chunk, weeks, world.customers * len(weeks), PATHS)
        mine = table.filter(pa.compute.equal(table["target"], target.name))
        mine = mine.filter(pa.compute.equal(mine["removed"], ""))
        paths = np.asarray(mine["paths"], dtype=np.float64)
        yield pd.DataFrame({
            "customer_id": mine["customer_id"].to_pylist(),
            "week": [number[us] for us in mine["event_timestamp"].cast(pa.int64()).to_pylist()],
            "true": smoothed(np.asarray(mine["probability"]), paths),
            "paths": paths,
        })  # fmt: skip


def _latent(world: World, weeks: Sequence[int]) -> Iterator[pd.DataFrame]:
    for chunk in range(world.chunks):
        for s, week in states(world, chunk, weeks):
            columns = {f"{one.name}: {name}": v for one in SIGNALS for name, v in one.of(s, week).items()}
            yield pd.DataFrame({"customer_id": customer_ids(s.number).to_pylist(), "week": week.number} | columns)


def _known(settings: Settings, world: World, target: Target, weeks: Sequence[int], say: Say) -> Iterator[pd.DataFrame]:
    country = world.country
    model = champions.load(settings, country, target.name)
    if model is None:
        raise UserError(f"No champion of {country.code} {target.name}: train it first.")
    snapshots = Snapshots(settings, country)
    ensure(settings, snapshots, [world.reference(week) for week in weeks])
    for done, week in enumerate(weeks):
        say("what was known", done, len(weeks))
        joined = snapshot.join(snapshots.read(world.reference(week)))
        joined = joined.filter(pa.array(target.population(columns_of(joined), country), pa.bool_()))
        features = columns_of(joined.combine_chunks())
        matrix = model.matrix(features)
        named = {f"feature: {one.name}": matrix[:, j] for j, one in enumerate(model.info.columns)}
        told = {"said": model.score(matrix), "new": phase(features, country) == "new"}
        yield pd.DataFrame({"customer_id": joined["customer_id"].to_pylist(), "week": week} | told | named)

"""The Monte Carlo truth: against the exact hazards, against what really happened, and against the product's labels."""

from __future__ import annotations

from functools import cache

import duckdb
import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from proof.naive.sides import TableLake
from proof.world import truth
from proof.world.life import live
from proof.world.world import World
from scv.errors import UserError
from scv.events import country, event
from scv.events.calendar import to_us
from scv.events.country import Country
from scv.features.fetcher import of_family
from scv.features.layout import layout_of
from scv.model import metrics
from scv.offline import batch
from scv.offline.lake import schema as lake_schema
from scv.offline.lake_version import LakeVersion
from scv.targets import labels, target

NAMES = truth.RECORDED
ZZ = country.load("ZZ")
KEYS = ["customer_id", "event_timestamp"]


def test_over_one_week_it_is_the_exact_hazard() -> None:
    """With 4,000 lives each: the squared standardised differences are those of luck alone."""
    world = World(msgspec.structs.replace(ZZ, horizon_days=7), 400, 16, 5)
    found = truth.probabilities(world, 0, [8, 12], 60, 4000).to_pandas()
    exact = live(world, 0).truth.to_pandas().melt(KEYS, [*NAMES], "target", "exact").dropna()
    rows = found.merge(exact, on=[*KEYS, "target"], how="left", validate="one_to_one")
    assert len(rows) == 180 and rows.exact.notna().all() and rows.exact.std() > 0.05
    error = np.sqrt((rows.exact * (1 - rows.exact)).clip(1e-5) / rows.paths)
    z = (rows.probability - rows.exact) / error
    assert 0.7 < (z**2).mean() < 1.4 and z.abs().max() < 5
    for name in NAMES:
        assert abs(z[rows.target == name].sum()) < 4 * np.sqrt((rows.target == name).sum()), name


@cache
def sampled(code: str) -> pd.DataFrame:
    """Kept rows of one chunk at four references."""
    world = World(country.load(code), 5000, 44, 17)
    found = truth.probabilities(world, 0, [16, 24, 32, 39], 1600, 64).to_pandas()
    return found[found.removed == ""]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("code", ["ZZ", "ZY", "ZX"])
def test_it_is_calibrated_on_what_really_happened(code: str, name: str) -> None:
    rows = sampled(code)
    rows = rows[rows.target == name]
    assert len(rows) > 1500 and rows.y.sum() > 80
    for part in [rows, *(one for _, one in rows.groupby("event_timestamp"))]:
        error = np.sqrt((part.probability * (1 - part.probability)).sum())
        assert abs(part.y.sum() - part.probability.sum()) < 4 * error
    low, high = (rows[rows.probability < 0.05], rows[rows.probability > 0.5])
    assert low.y.mean() < 0.06
    assert not len(high) or abs(high.y.mean() - high.probability.mean()) < 4 * 0.5 / np.sqrt(len(high)) + 0.02


@pytest.mark.parametrize(("name", "least"), [("cancellation", 0.80), ("pause", 0.75), ("reactivation", 0.70)])
@pytest.mark.parametrize("code", ["ZZ", "ZY", "ZX"])
def test_there_is_something_to_know(code: str, name: str, least: float) -> None:
    rows = sampled(code)
    rows = rows[rows.target == name]
    assert metrics.auc(rows.y.to_numpy(), rows.probability.to_numpy()) > least


def test_equal_arguments_give_equal_rows_and_more_lives_the_same_customers() -> None:
    world = World(ZZ, 300, 20, 5)
    first, again = (truth.probabilities(world, 0, [10, 14], 40, 32) for _ in range(2))
    assert first.equals(again) and first.schema == truth.ROWS
    more = truth.probabilities(world, 0, [14, 10, 10], 40, 64)
    same = ["customer_id", "event_timestamp", "target", "y", "removed"]
    assert more.select(same).equals(first.select(same))
    assert {name: sum(pc.equal(first["target"], name).to_pylist()) for name in NAMES} == dict.fromkeys(NAMES, 40)


def test_what_the_world_does_not_decide_has_no_label() -> None:
    world = World(ZZ, 400, 20, 5)
    found = truth.probabilities(world, 0, [16, 17, 19], 60, 32).to_pandas()
    last = found.groupby(["target", "event_timestamp"]).y.count().unstack("target")
    assert last.cancellation.tolist()[1:] == [0, 0] == last.reactivation.tolist()[1:]
    assert (last.pause > 0).all() and (last.iloc[0] > 0).all()
    assert found.probability.notna().all() and (found.paths > 0).all()
    for week in (20, -1):
        with pytest.raises(UserError, match="the weeks 0 to 19"):
            truth.probabilities(world, 0, [week], 10, 8)
    assert truth.probabilities(world, 0, [], 10, 8).num_rows == 0
    assert truth.probabilities(World(ZZ, 1, 2, 5), 0, [0], 10, 8).num_rows == 0


# -- against the product -------------------------------------------------------------------------------------


class Product:
    """What the product makes of a chunk's clean events at some references: features, populations, labels."""

    def __init__(self, world: World, weeks: list[int]) -> None:
        self.country: Country = world.country
        self.references = [world.reference(week) for week in weeks]
        self.connection, self.arrivals = duckdb.connect(), {}
        events = live(world, 0).events
        place = pa.array(np.zeros(len(events), dtype=np.int32))
        events = events.append_column("claimed_seen_at", events["seen_at"])
        events = events.append_column("claimed_at", events["occurred_at"]).append_column("epoch", place)
        events = events.append_column("partition", place).append_column("offset", pa.array(np.arange(len(events))))
        for family, kinds in event.FAMILIES.items():
            tags = pa.array([event.tag(kind) for kind in kinds])
            names = [name for name in lake_schema(family).names if name != "month"]
            mine = events.filter(pc.is_in(events["kind"], value_set=tags)).select(names)
            self.connection.register(f"lake_{family}", mine)
            arrivals = TableLake().query(family, self.country, LakeVersion({}))
            self.arrivals[family] = arrivals

    def features(self, *families: str) -> pd.DataFrame:
        found: pd.DataFrame | None = None
        for family in families:
            batch.admit(self.connection, self.arrivals[family], self.country, f"seen_{family}")
            for fetcher in of_family(family):
                table = batch.fold(
                    self.connection, f"seen_{family}", layout_of(fetcher), self.country, self.references
                ).to_pandas()
                names = {name: f"{fetcher.name}__{name}" for name in table.columns[3:]}
                table = table.rename(columns=names).drop(columns="country")
                found = table if found is None else found.merge(table, how="outer", on=KEYS)
        assert found is not None
        return found


@pytest.mark.parametrize("code", ["ZZ", "ZY", "ZX"])
def test_populations_and_labels_are_the_products(code: str) -> None:
    """Every customer asked about, by name, and what became of each: the simulator knows what the product finds out."""
    world, weeks = World(country.load(code), 1000, 40, 23), [9, 21, 30, 35]
    product = Product(world, weeks)
    known = product.features("subscription", "orders")
    features = {name: known[name].to_numpy() for name in known.columns[2:]}
    happened = labels.prepare(product.connection, product.arrivals, world.country)
    mine = truth.probabilities(world, 0, weeks, 10**6, 1).to_pandas()
    at_us = np.array([to_us(at.to_pydatetime()) for at in known.event_timestamp])
    for name in NAMES:
        asked = target.get(name).population(features, world.country)
        found = happened.labels(target.get(name), at_us, known.customer_id.tolist(), features)
        theirs = known[KEYS].assign(y=found.y, removed=found.removed)[asked]
        both = mine[mine.target == name].merge(theirs, how="outer", on=KEYS, suffixes=("", "_product"), indicator=True)
        assert len(both) > 600 and (both["_merge"] == "both").all()
        assert (both.removed == both.removed_product).all()
        kept = both[both.removed == ""]
        assert (kept.y == kept.y_product).all() and kept.y.sum() > 30
        assert len(kept) < len(both) or name != "cancellation", "some end involuntarily"


@pytest.mark.parametrize("code", ["ZZ", "ZY", "ZX"])
def test_every_feature_of_every_fetcher_has_something_to_say(code: str) -> None:
    """In each invented country it is filled for some, and not the same for all."""
    product = Product(World(country.load(code), 1000, 36, 23), [34])
    found = product.features(*event.FAMILIES)
    for family in event.FAMILIES:
        for fetcher in of_family(family):
            for feature in fetcher.features:
                assert found[feature.full_name].nunique() > 1, f"{feature.full_name} never differs"

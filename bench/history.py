"""A point-in-time set through Feast: our configuration (duckdb) and Feast's default store (dask), on the same files.

Of one family's views: Feast's default store raises where nobody has a row in a view, and leaves out customers whose
first row in a view is later than the instant asked for; of the orders family everybody in the frame has a row.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial

import pandas as pd
import pyarrow as pa
from feast import FeatureStore

from bench import peer
from bench.timing import fact, faster, in_turns
from bench.world import US, World, say
from proof.figures import Figure
from scv.features import fetcher
from scv.offline import snapshot
from scv.settings import Settings

OURS, DASK = "our configuration (duckdb)", "Feast's default (dask)"
FEATURES = [f"{view.name}:{one.name}" for view in fetcher.of_family("orders") for one in view.features]
KEYS = ["event_timestamp", "country", "customer_id"]


def run(world: World) -> list[Figure]:
    """The figures: the same entity frame, the same Parquet files, equal rows."""
    asked = _entities(world.snapshots, world)
    stores = {OURS: world.feast, DASK: peer.with_dask(world.snapshots, world.home / "dask-peer")}
    answers: dict[str, pa.Table] = {}
    contenders: dict[str, Callable[[pd.DataFrame], None]] = {
        name: partial(_ask, name, store, answers) for name, store in stores.items()
    }
    for contender in contenders.values():  # imports and caches, on few rows
        contender(asked.head(50))
    say(f"Point-in-time sets of {len(asked):,} rows …")
    times = in_turns(contenders, [asked] * world.size.sets, turn=1)
    compared = _compare(answers[OURS], answers[DASK])
    what = f"point-in-time set, {len(asked):,} rows × {len(FEATURES)} features at {len(world.tuesdays)} Tuesdays"
    return [
        fact("history: compared", f"{compared:,} values equal in both"),
        faster(f"{what}: {OURS} / {DASK}", statistics.median(times[OURS]), statistics.median(times[DASK]), "s", 2),
    ]


def _entities(settings: Settings, world: World) -> pd.DataFrame:
    """Every customer that had ordered, at every Tuesday."""
    paths = [snapshot.path_of(settings.snapshots_path, "orders", US, at) for at in world.tuesdays]
    return pa.concat_tables(snapshot.read_file(path).select(KEYS) for path in paths).to_pandas()


def _ask(name: str, store: FeatureStore, answers: dict[str, pa.Table], asked: pd.DataFrame) -> None:
    answers[name] = store.get_historical_features(asked, FEATURES, full_feature_names=True).to_arrow()


def _compare(ours: pa.Table, theirs: pa.Table) -> int:
    """Equal rows; how many values, nulls left out. dask has no whole number that may be missing: floats of both."""
    assert len(ours) == len(theirs), (len(ours), len(theirs))
    tables = ours, theirs.select(ours.column_names)  # dask gives its index, too
    ordered = [one.sort_by([(key, "ascending") for key in KEYS]).to_pandas() for one in tables]
    values = 0
    for name in ours.column_names:
        left, right = (frame[name] for frame in ordered)
        if pd.api.types.is_numeric_dtype(left) or left.isna().all():
            left, right = left.astype(float), right.astype(float)
        assert ((left == right) | (left.isna() & right.isna())).all(), name
        values += 0 if name in KEYS else int(left.notna().sum())
    return values

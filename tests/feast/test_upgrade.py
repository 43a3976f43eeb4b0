"""Faults of Feast that we work around. When one of these fails, Feast has mended it: delete the workaround it names."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import feast
import pyarrow as pa
import pytest
from feast import Entity, FeatureView, FeatureViewState, Field, FileSource, RepoConfig, ValueType
from feast.infra.online_stores.online_store import OnlineStore
from feast.infra.registry.file import FileRegistryStore
from feast.protos.feast.core.Registry_pb2 import Registry
from feast.repo_config import RegistryConfig
from feast.types import Int64, String


def test_this_is_the_version_that_was_read() -> None:
    assert feast.__version__.startswith("0.67.")


def test_a_missing_join_key_is_still_answered_with_nulls(tmp_path: Path) -> None:
    """Workaround: feature_repo.online._customer."""
    source = FileSource(name="s", path=str(tmp_path / "s.parquet"), timestamp_field="event_timestamp")
    keys = [Entity(name=name, join_keys=[name], value_type=ValueType.STRING) for name in ("country", "customer_id")]
    schema = [
        Field(name="country", dtype=String),
        Field(name="customer_id", dtype=String),
        Field(name="x", dtype=Int64),
    ]
    view = FeatureView(name="v", entities=keys, schema=schema, source=source)
    path = str(tmp_path / "online.db")
    config = RepoConfig(
        project="p", provider="local", registry=str(tmp_path / "r.db"), online_store={"type": "sqlite", "path": path},
        entity_key_serialization_version=3,
    )  # fmt: skip
    store = feast.FeatureStore(config=config)
    store.apply([*keys, view])
    assert store.get_online_features(["v:x"], {"country": ["ZZ"]}).to_dict() == {"country": ["ZZ"], "x": [None]}


def test_the_file_registry_is_still_written_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workaround: feature_repo.registry.HomeRegistryStore (#2176)."""
    path = tmp_path / "registry.db"
    stock = FileRegistryStore(RegistryConfig(path=str(path)), tmp_path)
    stock.update_registry_proto(Registry(registry_schema_version="1"))
    inode = path.stat().st_ino
    stock.update_registry_proto(Registry(registry_schema_version="2"))
    assert path.stat().st_ino == inode


def test_a_view_being_materialized_is_still_closed(tmp_path: Path) -> None:
    """Workaround: feature_repo.registry.HomeRegistryStore (#6780)."""
    source = FileSource(name="s", path=str(tmp_path / "s.parquet"), timestamp_field="event_timestamp")
    key = Entity(name="k", join_keys=["k"], value_type=ValueType.STRING)
    view = FeatureView(
        name="v", entities=[key], schema=[Field(name="k", dtype=String), Field(name="x", dtype=Int64)], source=source
    )
    config = RepoConfig(
        project="p", provider="local", registry=str(tmp_path / "r.db"),
        online_store={"type": "sqlite", "path": str(tmp_path / "online.db")}, entity_key_serialization_version=3,
    )  # fmt: skip
    store = feast.FeatureStore(config=config)
    view.state = FeatureViewState.MATERIALIZING
    store.apply([key, view])
    with pytest.raises(ValueError, match="MATERIALIZING"):
        store.get_online_features(["v:x"], {"k": ["1"]})


def test_only_the_first_record_batch_still_reaches_the_online_store() -> None:
    """Workaround: every table that we hand to Feast goes through combine_chunks() (5.5)."""
    from feast.utils import _convert_arrow_fv_to_proto

    schema = [Field(name="k", dtype=String), Field(name="x", dtype=Int64)]
    key = Entity(name="k", join_keys=["k"], value_type=ValueType.STRING)
    source = FileSource(name="s", path="s.parquet", timestamp_field="event_timestamp")
    view = FeatureView(name="v", entities=[key], schema=schema, source=source)
    stamp = pa.array([datetime(2017, 1, 1, tzinfo=UTC)], pa.timestamp("us", tz="UTC"))
    rows = [pa.table({"k": [str(n)], "x": [n], "event_timestamp": stamp}) for n in range(3)]
    assert len(_convert_arrow_fv_to_proto(pa.concat_tables(rows), view, {"k": ValueType.STRING})) == 1


def test_statuses_still_do_not_know_null() -> None:
    """Workaround: feature_repo.online._mend_statuses. Feast's own read says PRESENT of a null value."""
    import inspect

    from feast import utils

    assert "NULL_VALUE" not in inspect.getsource(utils._populate_response_from_feature_data)
    assert "OUTSIDE_MAX_AGE" not in inspect.getsource(OnlineStore._read_features_per_fv)

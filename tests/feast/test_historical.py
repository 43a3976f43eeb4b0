"""Feast's historical API over our snapshots: values KNOWN_THEN, at references only."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from feast import FeatureStore

from feature_repo.feast_store import apply
from feature_repo.historical import historical
from scv.errors import UserError
from scv.events import calendar
from scv.features.fetcher import collect
from scv.offline import snapshot
from scv.offline.fetch import fetch
from scv.settings import Settings
from tests.feast.served import ZZ, Served

TUESDAYS = [calendar.reference("2017-02-07", ZZ), calendar.reference("2017-02-14", ZZ)]


@pytest.fixture(scope="module")
def snapped(home: Served) -> Served:
    """Snapshots of every fetcher at two Tuesdays, written by the product."""
    assert not [done.error for done in fetch(home.settings, {ZZ: TUESDAYS}) if done.error]
    return home


def customers_at(served: Served, references: list[datetime]) -> pd.DataFrame:
    keys = [("ZZ", one, at) for at in references for one in [*served.customers, "nobody"]]
    return pd.DataFrame(keys, columns=["country", "customer_id", "event_timestamp"])


def test_every_feature_is_the_snapshot_at_its_reference(snapped: Served, store: FeatureStore) -> None:
    found = historical(store, snapped.settings, customers_at(snapped, TUESDAYS)).to_pylist()
    assert len(found) == len(TUESDAYS) * (len(snapped.customers) + 1)
    compared: Counter[str] = Counter()
    for chosen in collect().values():
        expected = snapshots_of(snapped.settings, chosen.name)
        for row in found:
            values = expected.get((row["customer_id"], row["event_timestamp"]), {})
            for feature in chosen.features:
                assert row[feature.full_name] == values.get(feature.name), feature.full_name
                compared[chosen.name] += values.get(feature.name) is not None
    assert set(compared) == set(collect())
    assert min(compared.values()) > 0


def snapshots_of(settings: Settings, name: str) -> dict[tuple[str, datetime], dict[str, Any]]:
    tables = [snapshot.read_file(snapshot.path_of(settings.snapshots_path, name, ZZ, at)) for at in TUESDAYS]
    return {(row["customer_id"], row["event_timestamp"]): row for table in tables for row in table.to_pylist()}


def test_references_short_names_and_labels_that_travel_along(snapped: Served, store: FeatureStore) -> None:
    frame = customers_at(snapped, TUESDAYS[:1]).assign(label=7)
    table = historical(store, snapped.settings, frame, ["orders:count_ever", "phone:brand"], full_feature_names=False)
    assert sorted(table.column_names) == ["brand", "count_ever", "country", "customer_id", "event_timestamp", "label"]
    assert set(table["label"].to_pylist()) == {7}
    assert table.schema.field("count_ever").type == "int64"


def test_an_instant_without_snapshot_is_refused(snapped: Served, store: FeatureStore) -> None:
    """Feast would answer with last Tuesday's values, as they were last Tuesday."""
    friday = TUESDAYS[1] + timedelta(days=3)
    frame = customers_at(snapped, [*TUESDAYS, friday])
    with pytest.raises(UserError, match=r"1 instants have no snapshot.*cerebro fetch ZZ -d 2017-02-17"):
        historical(store, snapped.settings, frame)
    unchecked = store.get_historical_features(customers_at(snapped, [friday]), ["orders:days_since"]).to_arrow()
    assert any(value is not None for value in unchecked["days_since"].to_pylist())


def test_an_instant_without_zone_is_refused(snapped: Served, store: FeatureStore) -> None:
    with pytest.raises(UserError, match="time zone"):
        historical(store, snapped.settings, customers_at(snapped, [datetime(2017, 2, 7)]))


def test_a_snapshot_of_other_definitions_is_refused(
    snapped: Served, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect()["mail"], "fingerprint", lambda: "00000000")
    with pytest.raises(UserError, match="another definition of mail"):
        historical(store, snapped.settings, customers_at(snapped, TUESDAYS))


def test_before_the_first_fetch_everything_is_missing(tmp_path: Any, valkey_url: str) -> None:
    fresh = apply(Settings(home=str(tmp_path), store=valkey_url))
    frame = pd.DataFrame(
        {"country": ["ZZ"], "customer_id": ["c1"], "event_timestamp": [datetime(2017, 2, 7, tzinfo=UTC)]}
    )
    table = fresh.get_historical_features(frame, fresh.get_feature_service("scv"), full_feature_names=True).to_arrow()
    assert len(table) == 1
    assert {value for name in table.column_names[3:] for value in table[name].to_pylist()} == {None}

"""Feast's historical API over our snapshots: values KNOWN_THEN, at references only."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from feast import FeatureStore

from feature_repo import offline
from feature_repo.feast_store import apply
from feature_repo.historical import historical
from scv.errors import UserError
from scv.events import calendar
from scv.features.fetcher import collect
from scv.offline import snapshot
from scv.offline.fetch import fetch
from scv.offline.snapshot import Snapshots
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
    found = historical(store, customers_at(snapped, TUESDAYS)).to_pylist()
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
    table = historical(store, frame, ["orders:count_ever", "phone:brand"], full_feature_names=False)
    assert sorted(table.column_names) == ["brand", "count_ever", "country", "customer_id", "event_timestamp", "label"]
    assert set(table["label"].to_pylist()) == {7}
    assert table.schema.field("count_ever").type == "int64"


def stock(store: FeatureStore, frame: Any, features: Any = None) -> Any:
    """As Feast's own pages do it."""
    return store.get_historical_features(frame, features or ["orders:days_since"]).to_arrow()


def test_it_is_what_feasts_own_join_gives(
    snapped: Served, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Value by value, in another order of rows, with keys asked for twice and labels beside them."""
    frame = customers_at(snapped, TUESDAYS).sample(frac=1, random_state=3)
    frame = pd.concat([frame, frame.head(5)]).assign(label=range(len(frame) + 5))
    features = [f"{name}:{one.name}" for name, chosen in collect().items() for one in chosen.features]

    def asked() -> tuple[Any, Any]:
        job = store.get_historical_features(frame.copy(), features, full_feature_names=True)
        return job.to_arrow().sort_by("label"), job.to_df().sort_values("label").reset_index(drop=True)

    table, data = asked()
    monkeypatch.setattr(offline, "_looks_up", lambda *_: False)
    other_table, other_data = asked()
    assert table.column_names == other_table.column_names
    for name in table.column_names:
        assert table[name].to_pylist() == other_table[name].to_pylist(), name
        assert table.schema.field(name).type == other_table.schema.field(name).type, name
    pd.testing.assert_frame_equal(data, other_data)


def test_an_instant_without_snapshot_is_refused_on_the_stock_path(snapped: Served, store: FeatureStore) -> None:
    """Feast alone would answer with last Tuesday's values, as they were last Tuesday."""
    friday = TUESDAYS[1] + timedelta(days=3)
    frame = customers_at(snapped, [*TUESDAYS, friday])
    for ask in (historical, stock):
        with pytest.raises(UserError, match=r"1 instants have no snapshot.*cerebro fetch ZZ -d 2017-02-17"):
            ask(store, frame)
    assert len(stock(store, customers_at(snapped, TUESDAYS))) == 2 * (len(snapped.customers) + 1)


@pytest.mark.parametrize("naive", [datetime(2017, 2, 7), "2017-02-07", "2017-02-07 00:00:00"])
def test_an_instant_without_zone_is_refused(snapped: Served, store: FeatureStore, naive: object) -> None:
    """Feast takes it for UTC: hours away from the country's midnight."""
    with pytest.raises(UserError, match=r"local midnight.*2017-02-07', tz='Europe/Berlin'"):
        stock(store, customers_at(snapped, [naive]))  # type: ignore[list-item]


def test_the_column_of_instants_may_have_any_name(snapped: Served, store: FeatureStore) -> None:
    named = customers_at(snapped, TUESDAYS).rename(columns={"event_timestamp": "at"})
    assert set(stock(store, named).column_names) == {"country", "customer_id", "at", "days_since"}
    with pytest.raises(UserError, match="cerebro fetch ZZ -d 2017-02-08"):
        stock(store, named.assign(at=TUESDAYS[0] + timedelta(days=1)))


def test_who_is_not_in_a_snapshot_is_missing_and_not_as_of_the_week_before(
    snapped: Served, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A customer who was erased between two Tuesdays."""
    monkeypatch.setattr(Snapshots, "why_not", lambda *_: "")
    path = snapshot.path_of(snapped.settings.snapshots_path, "orders", ZZ, TUESDAYS[1])
    whole = path.read_bytes()
    table = snapshot.read_file(path)
    gone = table["customer_id"][0].as_py()
    snapshot.write(table.slice(1), path)
    try:
        rows = stock(store, customers_at(snapped, TUESDAYS[1:])).to_pylist()
    finally:
        path.write_bytes(whole)
    found = {row["customer_id"]: row["days_since"] for row in rows}
    assert found[gone] is None and sum(value is not None for value in found.values()) == len(table) - 1


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ("SELECT 1", "pandas data frame"),
        (None, "pandas data frame"),
        ({"customer_id": ["1"]}, "no column country"),
        ({"country": ["ZZ"], "customer_id": [1]}, r"not all text.*entity_df\['customer_id'\]\.astype\('string'\)"),
        ({"country": ["ZZ"], "customer_id": [1.0]}, r"not all text.*\.astype\('Int64'\)\.astype\('string'\)"),
        ({"country": ["ZZ"], "customer_id": [None]}, r"customer_id is missing in a row.*dropna"),
        ({"country": ["ZZ"], "customer_id": ["c1 "]}, "'c1 ' is no customer id: it begins or ends with a space"),
        ({"country": ["QQ"], "customer_id": ["1"]}, "Unknown country 'QQ'"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(store: FeatureStore, frame: Any, words: str) -> None:
    if isinstance(frame, dict):
        frame = pd.DataFrame(frame | {"event_timestamp": TUESDAYS[:1]})
    with pytest.raises(UserError, match=words):
        named = {} if frame is not None else {"start_date": TUESDAYS[0], "end_date": TUESDAYS[1]}
        store.get_historical_features(frame, ["orders:days_since"], **named).to_arrow()


def test_who_follows_the_advice_asks_about_the_customers_meant(snapped: Served, store: FeatureStore) -> None:
    """Ids that were read as fractions, since some are empty: text of them as they are is `12346.0` and `nan`."""
    ids = [12346.0, float("nan")]
    known = {"pd": pd, "entity_df": pd.DataFrame({"country": "ZZ", "customer_id": ids, "event_timestamp": TUESDAYS[0]})}
    for _ in range(2):
        with pytest.raises(UserError) as caught:
            stock(store, known["entity_df"])
        exec(str(caught.value).partition("Write ")[2].removesuffix("."), known)
    assert stock(store, known["entity_df"])["customer_id"].to_pylist() == ["12346"]


def test_a_snapshot_of_other_definitions_is_refused(
    snapped: Served, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collect()["mail"], "fingerprint", lambda: "00000000")
    with pytest.raises(UserError, match="another definition of mail"):
        historical(store, customers_at(snapped, TUESDAYS))


def test_before_the_first_fetch_it_says_what_to_run(tmp_path: Any, valkey_url: str) -> None:
    fresh = apply(Settings(home=str(tmp_path), store=valkey_url))
    frame = pd.DataFrame(
        {"country": ["ZZ"], "customer_id": ["c1"], "event_timestamp": [datetime(2017, 2, 7, tzinfo=UTC)]}
    )
    with pytest.raises(UserError, match=r"cerebro fetch ZZ -d 2017-02-07T000000.000000Z` \(there is none\)"):
        fresh.get_historical_features(frame, fresh.get_feature_service("scv"), full_feature_names=True)

"""Feast's online API over our rows: named features, aged to the country's clock."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pandas as pd
import pytest
import redis
from feast import FeatureStore

from feature_repo.feast_store import open_store
from feature_repo.home import REPO
from scv.errors import StaleBundle, StoreUnusable, UnknownName, Unreachable, UserError
from scv.features.fetcher import collect
from scv.settings import Settings, services_file
from store.client import Client
from tests.feast.served import NOW, Served, later
from tests.marking import unmark

EVERYTHING = "scv"


def ask(store: FeatureStore, customers: list[str], features: Any = None, full: bool = True) -> dict[str, list[Any]]:
    wanted = store.get_feature_service(EVERYTHING) if features is None else features
    rows = {"country": ["ZZ"] * len(customers), "customer_id": customers}
    found: dict[str, list[Any]] = store.get_online_features(wanted, rows, full_feature_names=full).to_dict()
    return found


def statuses(store: FeatureStore, customers: list[str], features: list[str]) -> list[set[str]]:
    """Per customer, the statuses of its values."""
    rows = {"country": ["ZZ"] * len(customers), "customer_id": customers}
    reply = store.get_online_features(features, rows).proto
    kind = reply.results[0].DESCRIPTOR.fields_by_name["statuses"].enum_type
    named = dict(zip(reply.metadata.feature_names.val, reply.results, strict=True))
    mine = [vector for name, vector in named.items() if name not in ("country", "customer_id")]
    return [{kind.values_by_number[v.statuses[i]].name for v in mine} for i in range(len(customers))]


def test_every_feature_of_everyone_is_the_row_read_at_the_clock(live: Served, store: FeatureStore) -> None:
    found = ask(store, live.customers)
    compared: Counter[str] = Counter()
    for chosen in collect().values():
        for i, customer in enumerate(live.customers):
            expected = live.expected(chosen, customer)
            assert {name: found[f"{chosen.name}__{name}"][i] for name in expected} == expected
            compared[chosen.name] += sum(value is not None for value in expected.values())
    assert set(compared) == set(collect())
    assert min(compared.values()) > 0


def test_references_short_names_and_repeated_customers(live: Served, store: FeatureStore) -> None:
    first, second = live.customers[:2]
    asked = [second, first, second]
    found = ask(store, asked, ["orders:days_since", "phone:brand", "rhythm:gap_mean"], full=False)
    assert sorted(found) == ["brand", "country", "customer_id", "days_since", "gap_mean"]
    assert found["customer_id"] == asked
    for name, fetcher in {"days_since": "orders", "brand": "phone", "gap_mean": "rhythm"}.items():
        assert found[name] == [live.expected(collect()[fetcher], one)[name] for one in asked]


def test_a_silent_customer_ages_with_the_clock(live: Served, store: FeatureStore) -> None:
    silent = next(one for one in live.customers if live.expected(collect()["orders"], one)["count_91d"])
    features = ["orders:days_since", "orders:count_91d", "orders:count_ever"]
    before = ask(store, [silent], features, full=False)
    live.move(later(30))
    month = ask(store, [silent], features, full=False)
    live.move(later(400))
    year = ask(store, [silent], features, full=False)
    assert month["days_since"][0] == before["days_since"][0] + 30
    assert year["days_since"][0] == before["days_since"][0] + 400
    assert before["count_91d"][0] > 0 == year["count_91d"][0]
    assert before["count_ever"] == month["count_ever"] == year["count_ever"]


def test_an_event_just_applied_is_always_inside(live: Served, store: FeatureStore) -> None:
    """The customer's newest row may be ahead of the country's clock."""
    live.client.hset(live.store.keys.clock("ZZ"), "front", 1)
    customer = live.customers[0]
    orders = live.rows["orders", customer]
    found = ask(store, [customer], ["orders:days_since"], full=False)
    assert found["days_since"] == [orders.read(orders.clock_day)["days_since"]]


def test_an_unknown_customer_is_not_found(live: Served, store: FeatureStore) -> None:
    known = live.customers[0]
    features = ["orders:count_ever", "orders:days_since"]
    assert statuses(store, [known, "nobody"], features) == [{"PRESENT"}, {"NOT_FOUND"}]
    assert ask(store, ["nobody"])["orders__count_ever"] == [None]


def test_null_is_another_answer_than_not_found(live: Served, store: FeatureStore) -> None:
    orders = collect()["orders"]
    customer = live.customers[0]
    live.move(later(400))
    (found,) = statuses(store, [customer], ["orders:largest"])
    assert live.expected(orders, customer, later(400))["largest"] is None
    assert found == {"NULL_VALUE"}


def test_an_unbuilt_fetcher_is_missing(live: Served, store: FeatureStore) -> None:
    unmark(live.store, "ZZ", [collect()["orders"]])
    customer = live.customers[0]
    both = statuses(store, [customer, "nobody"], ["orders:count_ever", "rhythm:week_streak"])
    assert both == [{"INVALID", "PRESENT"}, {"INVALID", "NOT_FOUND"}], "nobody can tell what orders there are"
    with pytest.raises(StoreUnusable, match=r"orders.*ZZ.*`cerebro rebuild`"):
        ask(store, [customer], ["orders:count_ever"])
    assert ask(store, [customer], ["rhythm:week_streak"], full=False)["week_streak"] != [None]


def test_the_ttl_is_measured_against_the_watermark(live: Served, store: FeatureStore) -> None:
    """Not against the row's last event: a silent customer's row is old and right."""
    customer = next(one for one in live.customers if {("orders", one), ("app_usage", one)} <= set(live.rows))
    live.move(later(8), families=["app"])
    live.tick(later(8))
    assert statuses(store, [customer], ["orders:count_ever", "app_usage:days_since"]) == [{"PRESENT"}]
    live.move(later(9), families=["app"])
    assert statuses(store, [customer], ["orders:count_ever"]) == [{"OUTSIDE_MAX_AGE"}]
    assert statuses(store, [customer], ["app_usage:days_since"]) == [{"PRESENT"}]
    assert ask(store, [customer], ["orders:count_ever"], full=False)["count_ever"] == [None]


def test_all_views_are_one_round_trip(live: Served, store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(store, live.customers)  # the first read learns the topics
    trips = []
    exchange = Client.exchange
    monkeypatch.setattr(Client, "exchange", lambda self, *asked: (trips.append(self), exchange(self, *asked))[1])
    monkeypatch.setattr(redis.client.Pipeline, "execute", lambda *args: pytest.fail(f"a trip for {args}"))
    monkeypatch.setattr(redis.Redis, "execute_command", lambda *args, **options: pytest.fail(f"a trip for {args}"))
    ask(store, live.customers)
    assert len(trips) == 1


@pytest.mark.parametrize(
    "keys", [{"country": ["ZZ"]}, {"customer_id": ["c1"]}, {"country": ["ZZ"], "customerid": ["c1"]}]
)
def test_a_missing_join_key_is_an_error(store: FeatureStore, keys: dict[str, list[str]]) -> None:
    with pytest.raises(UserError, match="country and customer_id"):
        store.get_online_features(["orders:count_ever"], keys)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (None, "Row 2 has no customer_id"), (float("nan"), "Row 2 has no customer_id"), ("", "Row 2.*it is empty"),
        ("c1 ", r"Row 2: 'c1 ' is no customer id: it begins or ends with a space"), ("nan", "a word for none"),
    ],
)  # fmt: skip
def test_a_row_whose_id_can_be_none_is_named(store: FeatureStore, live: Served, bad: object, said: str) -> None:
    """A null was a TypeError about attributes, a space at the end a customer without any values."""
    asked = {"country": ["ZZ"] * 3, "customer_id": [live.customers[0], bad, bad]}
    with pytest.raises(UserError, match=said):
        store.get_online_features(["orders:count_ever", "phone:brand"], asked)
    with pytest.raises(UserError, match="Row 1 has no country"):
        store.get_online_features(["orders:count_ever"], {"country": [None], "customer_id": ["c1"]})


def test_an_unknown_country_is_an_error(store: FeatureStore) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'ZZ'"):
        store.get_online_features(["orders:count_ever"], {"country": ["Zz"], "customer_id": ["c1"]})


def test_nobody_writes_values(live: Served, store: FeatureStore) -> None:
    keys = {"country": ["ZZ"], "customer_id": ["c1"], "event_timestamp": [NOW]}
    frame = pd.DataFrame(keys | {feature.name: [1] for feature in collect()["mail"].features})
    with pytest.raises(UserError, match=r"feast materialize START END -v mail.*cerebro rebuild"):
        store.write_to_online_store("mail", frame)


def test_teardown_touches_no_row(live: Served, store: FeatureStore) -> None:
    before = live.client.dbsize()
    with pytest.raises(UserError, match="cerebro rebuild"):
        store.teardown()
    assert live.client.dbsize() == before
    assert len(store.list_feature_views()) == len(collect())


def test_a_registry_of_other_definitions_is_an_error(live: Served, store: FeatureStore) -> None:
    view = store.get_feature_view("mail")
    with pytest.raises(StaleBundle, match="feast apply"):
        store._get_provider().online_store.online_read(
            store.config, _tagged(view, "00000000"), _keys("c1"), ["sent_28d"]
        )


def _tagged(view: Any, fingerprint: str) -> Any:
    view.tags = {**view.tags, "fingerprint": fingerprint}
    return view


def _keys(customer: str) -> list[Any]:
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    values = [Value(string_val="ZZ"), Value(string_val=customer)]
    return [EntityKey(join_keys=["country", "customer_id"], entity_values=values)]


def test_the_reply_can_say_which_views_answered(live: Served, store: FeatureStore) -> None:
    keys = {"country": ["ZZ"], "customer_id": [live.customers[0]]}
    features = ["orders:count_ever", "mail:campaigns"]
    reply = store.get_online_features(features, keys, include_feature_view_version_metadata=True).proto
    assert sorted(one.name for one in reply.metadata.feature_view_metadata) == ["mail", "orders"]


def test_the_plain_read_of_one_view(live: Served, store: FeatureStore) -> None:
    view, customer = store.get_feature_view("orders"), live.customers[0]
    plugin = store._get_provider().online_store
    ((stamp, values),) = plugin.online_read(store.config, view, _keys(customer), ["count_ever"])
    assert stamp == NOW
    assert {name: value.int64_val for name, value in values.items()} == {
        "count_ever": live.expected(collect()["orders"], customer)["count_ever"]
    }
    assert plugin.online_read(store.config, view, _keys("nobody")) == [(NOW, None)]


def test_a_stranger_opens_the_folder_and_knows_only_feast(live: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """feast.FeatureStore(repo_path), addresses from HOME/services.env: the plug-ins find the rest."""
    monkeypatch.setenv("CEREBRO_HOME", str(live.settings.home_path))
    monkeypatch.delenv("CEREBRO_STORE", raising=False)
    services_file(live.settings.home_path).write_text(f"CEREBRO_STORE={live.settings.store}\n")
    found = ask(FeatureStore(repo_path=str(REPO)), live.customers, ["orders:count_ever"], full=False)
    assert found["count_ever"] == [live.expected(collect()["orders"], one)["count_ever"] for one in live.customers]


def test_a_store_that_is_away_says_so(live: Served) -> None:
    away = Settings(home=live.settings.home, store="redis://user:secret@127.0.0.1:1/0")
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1/0 does not answer.*cerebro up") as caught:
        ask(open_store(away), ["c1"])
    assert "secret" not in str(caught.value)

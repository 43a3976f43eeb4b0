"""Stock `feast materialize`: rows from the lake by Rule R.4, beside live streams, never backwards."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from feast import FeatureStore, FeatureViewState

from feature_repo.feast_store import open_store
from scv.errors import LogChanged
from scv.features.fetcher import collect
from scv.features.layout import layout_of
from scv.online.reader import Reader, View
from scv.online.row import Row
from tests.feast.served import NOW, ZZ, Served
from tests.keys import row_key
from tests.logs import log, topic

START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC)
"""Nothing happened then: they select nothing, and all is built."""

ALL = list(collect().values())


@pytest.fixture
def emptied(live: Served) -> Served:
    """The store has lost every row and marker; topics and clock stand."""
    live.client.delete(*live.client.keys("*:row:*"), *live.client.keys("*:built:*"))
    return live


def read(served: Served) -> Mapping[str, View]:
    return {view.customer_id: view for view in Reader(served.client).read(ZZ, served.customers, ALL)}


def test_all_rows_come_back_as_the_stream_left_them(
    emptied: Served, store: FeatureStore, capfd: pytest.CaptureFixture[str]
) -> None:
    assert {view.known for view in read(emptied).values()} == {None}, "nobody can be told known from unknown"
    store.materialize(START, END)
    for customer, view in read(emptied).items():
        for chosen in ALL:
            assert view.fetchers[chosen.name].values == emptied.expected(chosen, customer)
    said = capfd.readouterr().err
    assert said.count("START and END select nothing") == 1
    assert f"{len(emptied.customers)}/{len(emptied.customers)}" in said  # the bar


def test_one_view_alone(emptied: Served, store: FeatureStore) -> None:
    store.materialize(START, END, feature_views=["mail"])
    built = {name for view in read(emptied).values() for name, one in view.fetchers.items() if one.built}
    assert built == {"mail"}


def test_running_again_keeps_everything(
    emptied: Served, store: FeatureStore, capfd: pytest.CaptureFixture[str]
) -> None:
    store.materialize(START, END, feature_views=["orders"])
    before = {one: emptied.client.hgetall(row_key("ZZ", one)) for one in emptied.customers}
    capfd.readouterr()
    store.materialize(START, END, feature_views=["orders"])
    assert {one: emptied.client.hgetall(row_key("ZZ", one)) for one in emptied.customers} == before
    rows = len(emptied.customers)
    assert f"orders: {rows} rows, 0 written, {rows} kept" in capfd.readouterr().err


def test_a_row_that_the_stream_took_further_is_kept(live: Served, store: FeatureStore) -> None:
    """The rows of `live` stand beyond the lake's last offset."""
    ahead = Row(layout_of(collect()["orders"]), ZZ)
    live.write(collect()["orders"], live.customers[0], ahead)
    before = live.client.hgetall(row_key("ZZ", live.customers[0]))
    store.materialize(START, END, feature_views=["orders"])
    assert live.client.hgetall(row_key("ZZ", live.customers[0])) == before


def test_an_error_is_raised_and_says_what_to_do(emptied: Served, store: FeatureStore) -> None:
    other = type(log("mail"))(family="mail", epoch=9, topic_id="f" * 32, partitions=2)
    emptied.store.set_logs({topic("mail"): other})
    with pytest.raises(LogChanged, match="cerebro rebuild"):
        store.materialize(START, END, feature_views=["mail"])


def test_views_stay_served_while_they_are_materialized(
    live: Served, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the second time on Feast closes a view to every other process until it is done, or for ever if killed."""
    store.materialize(START, END, feature_views=["mail"])
    states, answers = [], []

    def meanwhile(*args: object) -> None:
        other = open_store(live.settings)
        states.append(store.registry.get_feature_view("mail", "cerebro").state)
        keys = {"country": ["ZZ"], "customer_id": [live.customers[0]]}
        answers.append(other.get_online_features(["mail:campaigns"], keys).to_dict()["campaigns"])

    monkeypatch.setattr("feature_repo.engine.feast_bar", lambda build: contextlib.nullcontext(meanwhile))
    again = open_store(live.settings)
    again.materialize(START, END, feature_views=["mail"])
    expected = live.expected(collect()["mail"], live.customers[0], NOW)["campaigns"]
    assert answers == [[expected]]
    assert states == [FeatureViewState.AVAILABLE_ONLINE]

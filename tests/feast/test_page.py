"""docs/feast.md: what it shows is run as it stands, but for country, customers and date; and why full names."""

from __future__ import annotations

from typing import Any

import pytest
from feast import FeatureStore
from feast.errors import FeatureNameCollisionError

from scv.events import calendar
from scv.features.fetcher import collect
from scv.offline.fetch import fetch
from tests.feast.served import ZZ, Served
from tests.flow.pages import ROOT, blocks

TUESDAY = calendar.reference("2017-02-07", ZZ)


FULL = {f"{one.name}__{feature.name}" for one in collect().values() for feature in one.features}
KEYS = {"country", "customer_id", "event_timestamp"}


@pytest.fixture
def here(live: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    """The checkout, as somebody stands in it who has this home and this store."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("CEREBRO_HOME", live.settings.home)
    monkeypatch.setenv("CEREBRO_STORE", live.settings.store)
    return live


def shown(title: str, served: Served) -> str:
    """The snippet of a section, for the country, the customers and a Tuesday that there are."""
    (block,) = blocks("docs/feast.md", "python", title)
    first, second = served.customers[:2]
    said = {'"US"': '"ZZ"', '"326"': f'"{first}"', '"447"': f'"{second}"'}
    said['"2017-09-05", tz="America/New_York"'] = f'"{TUESDAY.isoformat()}"'
    text = block.text
    for old, new in said.items():
        text = text.replace(old, new)
    return text


def test_both_snippets_give_every_feature_by_its_full_name(here: Served) -> None:
    assert not [done.error for done in fetch(here.settings, {ZZ: [TUESDAY]}) if done.error]
    names: dict[str, Any] = {}
    for title in ("Now", "Then"):
        exec(shown(title, here), names)
    now, then = names["now"], names["then"]
    assert set(now.columns) - KEYS == set(then.columns) - KEYS == FULL
    first = here.customers[0]
    assert {name: now[f"orders__{name}"][0] for name in ("count_ever", "days_since")} == {
        name: here.expected(collect()["orders"], first)[name] for name in ("count_ever", "days_since")
    }
    assert sorted(then["customer_id"]) == sorted(here.customers[:2]) and then["orders__count_ever"].notna().any()


def test_short_names_of_everything_are_refused_and_the_service_says_what_to_do(store: FeatureStore) -> None:
    service = store.get_feature_service("scv")
    with pytest.raises(FeatureNameCollisionError, match="full_feature_names=True"):
        store.get_online_features(service, [{"country": "ZZ", "customer_id": "c1"}])
    assert "full_feature_names=True" in service.description and "docs/feast.md" in service.description

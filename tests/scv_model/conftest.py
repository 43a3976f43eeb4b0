"""A small invented world of orders and subscriptions, its arrivals as the lake would give them; lakes and snapshots."""

from __future__ import annotations

import dataclasses
import random
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from scv.events import country as countries
from scv.events import event as events
from scv.events.arrival import arrival_of
from scv.events.country import Country
from scv.offline.fetch import fetch
from scv.settings import Settings
from tests.parity import lakes
from tests.parity.lakes import Sea
from tests.scv_model.berlin import BERLIN, EARLY, REFERENCE

Arrivals = Callable[[duckdb.DuckDBPyConnection, Country, str, Sequence[events.Event]], str]


def deliveries_of(
    connection: duckdb.DuckDBPyConnection, country: Country, family: str, given: Sequence[events.Event]
) -> str:
    """The query `Lake.query` would give for these events, delivered in this order."""
    fields = events.fields(family)
    envelope = ("customer_id", "kind", "id", "occurred_us", "claimed_us", "seen_us", "day", "seen_day")
    rows = [
        {name: getattr(one, name) for name in envelope}
        | {name: one.values.get(name) for name in fields}
        | {"epoch": 0, "partition": 0, "offset": i}
        for i, one in enumerate(arrival_of(event, country) for event in given)
    ]
    types = dict.fromkeys(envelope, pa.int64()) | dict.fromkeys(("customer_id", "kind", "id"), pa.string())
    types |= {name: pa.string() if kind == "str" else pa.int64() for name, kind in fields.items()}
    types |= dict.fromkeys(("epoch", "partition", "offset"), pa.int64())
    connection.register(f"world_{family}", pa.Table.from_pylist(rows, schema=pa.schema(list(types.items()))))
    return f"SELECT * FROM world_{family}"


@pytest.fixture(scope="session")
def arrivals() -> Arrivals:
    return deliveries_of


@pytest.fixture(scope="session")
def us() -> Country:
    return countries.load("US")


@pytest.fixture(scope="session")
def zz() -> Country:
    return countries.load("ZZ")


@pytest.fixture(scope="session")
def orders(us: Country) -> list[events.Placed]:
    """Households with different rhythms over 13 months; some stop, some come back, some orders are seen late."""
    dice = random.Random(5)
    found = []
    first = datetime(2017, 1, 2, tzinfo=UTC)
    for household in range(80):
        at, gap = first + timedelta(days=dice.uniform(0, 90)), dice.choice([2, 5, 8, 20, 45])
        while at < first + timedelta(days=380):
            late = timedelta(hours=dice.choice([0, 0, 0, 30]))
            found.append(
                events.Placed(
                    id=f"{household}-{len(found)}",
                    country=us.code,
                    customer_id=str(household),
                    occurred_at=at,
                    seen_at=at + late,
                    amount_cents=dice.randrange(100, 9000),
                )
            )
            silent = dice.random() < 0.04
            at += timedelta(days=dice.uniform(30, 120) if silent else dice.expovariate(1 / gap), minutes=1)
    return sorted(found, key=lambda event: event.seen_at)


@pytest.fixture(scope="session")
def tuesdays() -> list[date]:
    """References on both sides of two clock changes."""
    return [date(2017, 3, 7), date(2017, 3, 14), date(2017, 6, 6), date(2017, 9, 5), date(2017, 10, 31)]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=str(tmp_path / "home"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Sea:
    return lakes.fill(tmp_path_factory.mktemp("filled") / "sea", BERLIN, seed=4, customers=6, complete_to=EARLY)


@pytest.fixture
def sea(filled: Sea, tmp_path: Path) -> Sea:
    """A lake that is complete to a month before the reference."""
    return dataclasses.replace(filled, path=shutil.copytree(filled.path, tmp_path / "sea"))


@pytest.fixture(scope="module")
def fetched(filled: Sea, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with that lake and its snapshot of the reference."""
    config = filled.settings(tmp_path_factory.mktemp("fetched") / "home")
    assert not any(one.error for one in fetch(config, {BERLIN: [REFERENCE]}))
    return config


@pytest.fixture
def config(sea: Sea, fetched: Settings, tmp_path: Path) -> Settings:
    """Such a home of the test's own."""
    config = sea.settings(tmp_path / "config")
    shutil.copytree(fetched.snapshots_path, config.snapshots_path)
    return config

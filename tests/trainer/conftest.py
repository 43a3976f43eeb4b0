"""Training rows of an invented world whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest

from scv.events import country as countries
from scv.events.calendar import add_days, midnight, to_us
from scv.features.fetcher import all_features
from scv.model.column import Column
from scv.targets import target
from trainer.dataset import TrainingSet

NAMES = ("orders__days_since", "orders__count_28d", "orders__count_91d", "orders__spend_91d", "rhythm__gap_mean")
Make = Callable[..., TrainingSet]


def rows_of(weeks: int = 30, customers: int = 120, base: float = -2.0, seed: int = 3) -> TrainingSet:
    """`weeks` Tuesdays of `customers`, whose risk follows days since the last order, habit and chance."""
    random = np.random.default_rng(seed)
    country = countries.load("US")
    first = midnight(date(2017, 1, 3), country.zone)
    at = np.repeat([to_us(add_days(first, 7 * k, country.zone)) for k in range(weeks)], customers)
    codes = np.tile(np.arange(customers), weeks)
    habit = random.normal(size=customers)[codes]
    silent = random.gamma(2, 4, len(at))
    counts = [random.poisson(mean, len(at)) for mean in (4, 12)]
    gaps = np.exp(habit + random.normal(0, 0.1, len(at)))
    matrix = np.column_stack([silent, *counts, random.gamma(2, 4000, len(at)), gaps])
    y = (random.random(len(at)) < 1 / (1 + np.exp(-(base + silent / 8 + 0.6 * habit)))).astype(float)
    features = all_features()
    columns = tuple(
        Column(name=name, dtype=features[name].dtype, fingerprint=features[name].fingerprint) for name in NAMES
    )
    return TrainingSet(
        country=country,
        target=target.get("lapse"),
        columns=columns,
        matrix=matrix,
        at_us=at,
        customers=codes,
        y=y,
        phases=np.full(len(at), "established", dtype=object),
        recency=silent,
        ids=np.array([f"customer {k}" for k in range(customers)], dtype=object),
        removed={},
        label_as_of=add_days(first, 7 * weeks + 60, country.zone),
    )


@pytest.fixture(scope="session")
def make() -> Make:
    return rows_of


@pytest.fixture(scope="session")
def rows() -> TrainingSet:
    return rows_of()

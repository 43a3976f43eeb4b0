"""Tests of your own: `cerebro test` runs them after it has compared the fetchers with the oracle."""

import numpy as np

from scv.features import derived, fetcher
from scv.targets import target


def test_the_definitions_are_found() -> None:
    assert "baskets" in fetcher.collect()
    assert {"derived__basket_growth", "derived__basket_spread"} <= set(derived.collect())
    assert "upgrade" in target.collect()


def test_a_basket_that_has_not_grown_is_1() -> None:
    values = {"baskets__largest_28d": [4000, None], "baskets__largest_182d": [4000, 4000]}
    np.testing.assert_array_equal(derived.beside(values)["derived__basket_growth"], [1.0, np.nan])

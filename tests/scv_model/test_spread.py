"""The population stability index is the sum that its inventors wrote down, and finite whatever is empty."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scv.model.spread import psi, spread_of


def test_the_same_probabilities_have_not_moved() -> None:
    p = np.random.default_rng(1).beta(2, 8, 5_000)
    assert psi(spread_of(p), p) == pytest.approx(0, abs=1e-9)
    assert psi(spread_of(p), np.random.default_rng(2).beta(2, 8, 5_000)) < 0.02


def test_it_is_the_sum_over_tenths() -> None:
    then, now = np.random.default_rng(3).beta(2, 8, 10_000), np.random.default_rng(4).beta(3, 6, 10_000)
    spread, wanted = spread_of(then), 0.0
    assert len(spread.edges) == 9 and spread.shares == pytest.approx([0.1] * 10)
    for low, high in zip((-math.inf, *spread.edges), (*spread.edges, math.inf), strict=True):
        a, b = (sum(low <= one < high for one in some.tolist()) / 10_000 for some in (now, then))
        wanted += (a - b) * math.log(a / b)
    assert psi(spread, now) == pytest.approx(wanted, rel=0.01) and wanted > 0.25


def test_equal_probabilities_share_a_bin_and_an_empty_one_is_finite() -> None:
    spread = spread_of(np.repeat([0.1, 0.2], 500))
    assert len(spread.edges) < 9 and sum(spread.shares) == pytest.approx(1)
    assert 1 < psi(spread, np.full(300, 0.9)) < 50
    assert psi(spread, np.repeat([0.1, 0.2], 5)) == pytest.approx(0, abs=1e-9)

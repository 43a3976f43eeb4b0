"""Rebalancing is undone, calibrations never fall, and a row scores the same alone and among others."""

from __future__ import annotations

import numpy as np
import pytest

from scv.model.calibration import FLOOR, Calibration, Logistic, logit, prior_offset, sigmoid


@pytest.mark.parametrize(("keep", "weight"), [(0.1, 1.0), (0.5, 1.0), (1.0, 10.0), (0.4, 3.0)])
def test_the_prior_correction_undoes_rebalancing(keep: float, weight: float) -> None:
    """Bayes: a true probability p looks like p·w / (p·w + (1 - p)·b) on rebalanced rows."""
    p = np.array([0.001, 0.04, 0.3, 0.7, 0.99])
    rebalanced = p * weight / (p * weight + (1 - p) * keep)
    np.testing.assert_allclose(sigmoid(logit(rebalanced) + prior_offset(keep, weight)), p, rtol=1e-9)


def test_logit_and_sigmoid_are_inverse_and_bounded() -> None:
    z = np.linspace(-12, 12, 101)
    np.testing.assert_allclose(logit(sigmoid(z)), z, rtol=1e-6)
    assert np.isfinite(logit(np.array([0.0, 1.0]))).all()
    assert sigmoid(np.array([-1e6, 1e6])).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    "calibration",
    [
        Calibration(),
        Calibration(kind="platt", slope=0.7, intercept=-0.2),
        Calibration(kind="isotonic", at=(-3.0, 0.0, 2.0), to=(0.0, 0.3, 1.0)),
    ],
)
def test_a_calibration_never_falls_and_nobody_is_certain(calibration: Calibration) -> None:
    p = calibration(np.linspace(-50, 50, 1001))
    assert (np.diff(p) >= 0).all()
    assert p.min() >= FLOOR and p.max() <= 1 - FLOOR


def test_isotonic_is_straight_between_its_knots() -> None:
    calibration = Calibration(kind="isotonic", at=(-1.0, 1.0), to=(0.2, 0.4))
    np.testing.assert_allclose(calibration(np.array([-9.0, -1.0, 0.0, 9.0])), [0.2, 0.2, 0.3, 0.4])


def test_a_row_has_one_logit() -> None:
    random = np.random.default_rng(1)
    matrix = random.lognormal(2, 2, (500, 60))
    matrix[random.random(matrix.shape) < 0.2] = np.nan
    some = tuple(random.normal(size=60).tolist())
    logistic = Logistic(intercept=0.3, coefficients=some, means=some, sds=tuple(np.abs(some) + 0.1))
    together = logistic(matrix)
    assert [float(logistic(matrix[i : i + 1])[0]) for i in range(500)] == together.tolist()
    np.testing.assert_allclose(together, 0.3 + logistic.terms(matrix).sum(axis=1), rtol=1e-9)
    assert np.isfinite(together).all(), "missing counts as the mean"

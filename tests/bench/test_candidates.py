"""The candidates of `make bench-candidates`, on rows of which the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from bench.candidates.__main__ import compared, told
from bench.candidates.known import Known
from bench.candidates.method import METHODS, _bgnbd, _expected, _signs, beta, blend, default
from bench.candidates.pool import Pool, small_ones
from scv.model.calibration import logit, sigmoid
from tests.trainer.conftest import rows_of


@pytest.mark.parametrize("name", METHODS)
def test_every_candidate_gives_a_logit_for_every_row(name: str) -> None:
    rows = rows_of(weeks=8, customers=60)
    found = METHODS[name](Known(rows, int(rows.at_us.max())))(rows.matrix)
    assert found.shape == (len(rows),) and np.isfinite(found).all()


def test_beta_calibration_never_turns_the_order_round() -> None:
    dice = np.random.default_rng(3)
    z = dice.normal(size=4000)
    y = (dice.random(4000) < sigmoid(2 * z - 1)).astype(float)
    grid = np.linspace(-4, 4, 50)
    said = beta(z, y)(grid)
    assert (np.diff(said) >= -1e-9).all()
    assert np.abs(sigmoid(said) - sigmoid(2 * grid - 1)).max() < 0.05
    assert (np.diff(beta(z, 1 - y)(grid)) <= 1e-9).all() or np.ptp(beta(z, 1 - y)(grid)) >= 0


def test_bg_nbd_knows_who_is_gone() -> None:
    dice = np.random.default_rng(4)
    rate, quits = dice.gamma(2, 0.5, 1500), dice.beta(1, 6, 1500)
    x, last = np.zeros(1500), np.zeros(1500)
    for i in range(1500):
        at = 0.0
        while dice.random() > quits[i] and (at := at + dice.exponential(1 / rate[i])) < 40:
            x[i], last[i] = x[i] + 1, at
    fitted = _bgnbd(x, last, np.full(1500, 40.0))
    alive, _ = _expected(fitted, np.array([10.0, 10.0]), np.array([39.0, 12.0]), np.array([40.0, 40.0]))
    assert alive[0] > 0.8 and alive[1] < 0.2


def test_a_small_country_sees_only_its_own_customers() -> None:
    rows = rows_of(weeks=8, customers=700)
    parts = list(small_ones(rows))
    ids = [set(part.customers.tolist()) for part in parts]
    assert len(parts) == 4 and not set.intersection(*ids)
    pool = Pool.beside(rows, parts[0])
    known = Known(parts[0], int(rows.at_us.max()) + 10**15)
    for fit in pool.fits.values():
        assert np.isfinite(fit(known)(parts[0].matrix)).all()


def test_the_table_says_who_helps() -> None:
    rows = list(compared("set: task", {"ours": [0.5, 0.5, 0.5], "good": [0.4, 0.41, 0.4], "none": [0.5, 0.6, 0.4]}))
    assert [row.bar.partition(":")[0] for row in rows] == ["helps", "no matter"]
    assert {row.name: row.ours for row in told(rows)} == {
        "all: good": "helps on 1, harms on 0 of 1", "all: none": "helps on 0, harms on 0 of 1",
    }  # fmt: skip


def test_ours_is_the_default_recipe() -> None:
    rows = rows_of(weeks=8, customers=60)
    ours, same = default(Known(rows, 0))(rows.matrix), blend(rows, {})(rows.matrix)
    assert (ours == same).all() and len(_signs(rows)) == len(rows.columns)
    assert logit(np.array([0.5]))[0] == 0

"""What `make bench-quality` judges and says; its opponents are fitted only there."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from bench.quality.__main__ import SEEDS, rows
from bench.quality.opponent import BLEND
from bench.quality.shop import shops
from local.quality import Judgement, Peer
from scv.model.metrics import Interval, Quality, draw_weights, figures_of, quality
from trainer.words import Contacts

SHOPS = shops(2000, 60, SEEDS)
RANDOM = np.random.default_rng(1)
P = RANDOM.uniform(0.05, 0.6, 4000)
Y = (RANDOM.random(4000) < P).astype(float)


def judged(ours: np.ndarray, loss: Interval) -> Judgement:
    of: Quality = quality(Y, ours, draw_weights(np.arange(len(Y)), 1), np.resize([1, 2, 3, 4], len(Y)), 1)
    peers = tuple(Peer(name, figures_of(Y, P), loss, Interval(0.0, -0.001, 0.001)) for name in ("RFM-logistic", BLEND))
    nothing = Contacts("lapse", 100, 1, Interval(0.0, 0.0, 0.0), 0.0, 0.0)
    return Judgement("lapse", (datetime(2017, 9, 5, tzinfo=UTC),), 4000, of, peers, nothing)


@pytest.mark.parametrize("name", SHOPS)
def test_every_shop_is_judged_on_tuesdays_after_its_training(name: str) -> None:
    shop = SHOPS[name]
    frozen, last, known = map(date.fromisoformat, (shop.frozen, shop.last, shop.known))
    assert frozen < last < known and frozen.weekday() == last.weekday() == 1


def test_the_sets_are_the_demo_s_a_shop_of_orders_alone_and_three_invented_worlds() -> None:
    assert len(SHOPS) == 5 and {"completejourney", "CDNOW"} < SHOPS.keys()
    assert SHOPS["CDNOW"].tuned == "nothing" and "grid" in SHOPS["completejourney"].tuned


@pytest.mark.parametrize(
    ("ours", "loss", "wins"),
    [
        (P, Interval(-0.01, -0.02, -0.001), True),
        (P, Interval(-0.01, -0.02, 0.001), False),
        (P * 0.7, Interval(-0.01, -0.02, -0.001), False),
    ],
    ids=["surely better and calibrated", "not surely", "not calibrated"],
)
def test_a_win_is_surely_better_than_the_blend_and_calibrated(ours: np.ndarray, loss: Interval, wins: bool) -> None:
    *losses, error, win = rows("a shop", judged(ours, loss))
    assert [one.name for one in losses] == [
        "a shop: lapse: log loss, RFM-logistic",
        f"a shop: lapse: log loss, {BLEND}",
    ]
    assert {one.ok for one in losses} == {loss.high < 0}
    assert error.ok is bool(np.all(ours == P)) and win.ok is wins

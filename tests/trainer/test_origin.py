"""Past Tuesdays as if each were today: what a moving level is worth, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from scv.model import metrics
from scv.model.calibration import sigmoid
from trainer.dataset import TrainingSet
from trainer.origin import SHARES, Foretold, foretell, movement, recent_share
from trainer.recipe import DEFAULT
from trainer.splits import BLOCK_WEEKS, origins


def invented(rows: TrainingSet, level: np.ndarray) -> list[Foretold]:
    """Of logits that are right but for a level, which each block of weeks of `rows` has of its own."""
    random = np.random.default_rng(5)
    block = np.searchsorted(rows.references, rows.at_us) // BLOCK_WEEKS
    z = random.normal(-1.5, 1, len(rows))
    known = replace(rows, y=(random.random(len(rows)) < sigmoid(z + level[block])).astype(float))
    return [
        Foretold(known.take(block < k), z[block < k], known.take(block == k), z[block == k])
        for k in range(3, block.max() + 1)
    ]


def test_the_last_weeks_level_is_added_where_levels_last(make: Callable[..., TrainingSet]) -> None:
    rows = make(weeks=32, customers=400)
    blocks = np.arange(8)
    assert recent_share(invented(rows, np.zeros(8))) == 0
    assert recent_share(invented(rows, np.where(blocks % 2, 1.0, -1.0))) == 0, "what comes and goes is not followed"
    assert recent_share(invented(rows, blocks * 0.5 - 2)) >= 0.75, "what grows is"
    assert recent_share(invented(rows, blocks * 0.5 - 2)[-1:]) == 0, "one origin tells nothing"


def test_of_shares_that_history_cannot_tell_apart_the_smallest_is_taken(make: Callable[..., TrainingSet]) -> None:
    """Levels that rise and fall back: all of the last weeks' level looks best, and half of it as good."""
    rows = make(weeks=32, customers=400)
    levels = np.array([-2, -2, -1.6, -1.7, -1.2, -1.5, -0.9, -1.1])
    told = invented(rows, levels)
    losses = np.array([[metrics.log_loss(one.rows.y, one.said(share)) for share in SHARES] for one in told]).mean(
        axis=0
    )
    assert np.argmin(losses) >= 3
    assert recent_share(told) == 0.5


def test_each_origin_says_what_was_said_and_what_happened(rows: TrainingSet) -> None:
    splits = origins(rows)
    found = [foretell(DEFAULT, rows, one, 1) for one in splits]
    told = movement(found)
    assert len(told) == len(splits) >= 2
    for one, split in zip(told, splits, strict=True):
        assert one["happened"] == pytest.approx(rows.y[split.judge].mean()) and one["rows"] == len(split.judge)
        assert one["said"] == pytest.approx(one["happened"], rel=0.25)
    assert told[-1]["last"] == "2017-07-25", "the country's own date"
    assert [one["first"] for one in told] == sorted(one["first"] for one in told)

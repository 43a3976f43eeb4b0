"""Cuts: an embargo of one horizon, no customer on both sides, and the gate's weeks kept from the search."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from scv.events.calendar import from_us
from scv.targets.target import mature
from trainer.dataset import TrainingSet
from trainer.splits import by_customer, forward, judged, origins, searched


def test_fitted_labels_were_final_when_the_judged_weeks_began(rows: TrainingSet) -> None:
    for split in [*searched(rows), *judged(rows)]:
        begins = from_us(int(rows.at_us[split.judge].min()))
        newest = from_us(int(rows.at_us[split.fit].max()))
        assert mature(rows.target, newest, rows.country, begins)
        assert (begins - newest).days >= 57


def test_the_gate_judges_weeks_that_the_search_never_saw(rows: TrainingSet) -> None:
    first = min(rows.at_us[one.judge].min() for one in judged(rows))
    assert searched(rows) and all(rows.at_us[split.judge].max() < first for split in searched(rows))
    assert [one.judge.tolist() for one in [*searched(rows), *judged(rows)]] == [
        one.judge.tolist() for one in origins(rows)
    ]


def test_folds_share_no_customer_and_miss_no_row(rows: TrainingSet) -> None:
    splits = by_customer(rows, 5)
    assert sorted(np.concatenate([split.judge for split in splits]).tolist()) == list(range(len(rows)))
    for split in splits:
        assert not set(rows.customers[split.fit]) & set(rows.customers[split.judge])


def test_a_short_history_is_cut_by_customer(make: Callable[..., TrainingSet]) -> None:
    short = make(weeks=6)
    assert forward(short, 0) is None and judged(short) == []
    assert len(searched(short)) == 3

"""Discrete-time hazards: one model of four parts of the horizon, so that rows of last week teach already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from bench.candidates.known import Known, Logits
from bench.candidates.method import blend
from scv.events.country import Country
from scv.model.calibration import logit
from scv.targets.labels import Outcomes
from scv.targets.target import Target
from trainer.dataset import TrainingSet, training_set
from trainer.past import Past

PARTS = 4


def is_an_event(target: Target) -> bool:
    """Does y = 1 say that something happened, from today on? Silence has no hazard."""
    return bool(target.clauses) and all(one.present and not one.start for one in target.clauses)


@dataclass(frozen=True)
class Hazards:
    """Of a target the rows with the labels of shorter horizons, shortest first; the last is the target's own."""

    sets: Sequence[TrainingSet]

    @classmethod
    def of(cls, past: Past, rows: TrainingSet) -> Hazards:
        own, target = past.country.days(rows.target.horizon), rows.target
        found = []
        for part in range(1, PARTS):
            country = shorter(past.country, target, own * part // PARTS)
            outcomes = Outcomes(past.outcomes.connection, country, past.outcomes.events)
            found.append(training_set(past.table, target, outcomes, past.label_as_of, rows.columns))
        return cls([*found, rows])

    def fit(self, known: Known) -> Logits:
        """Rows once for each part of the horizon in which they could still meet it (landmark stacking)."""
        blocks, before = [], dict[tuple[int, str], float]()
        for part, rows in enumerate(self.sets):
            ripe = rows.mature_by(known.at_us) & (rows.at_us < known.at_us)
            seen = rows.take(ripe & ~np.isin(rows.ids[rows.customers], known.without))
            happened = _happened(seen)
            open_ = np.array([before.get(key, 0.0) == 0 for key in happened], dtype=bool)
            blocks.append((seen.take(open_), part))
            before = happened
        stacked = _stacked(blocks)
        logits = blend(stacked, {})

        def whole(matrix: np.ndarray) -> np.ndarray:
            stays = np.ones(len(matrix))
            for part in range(len(self.sets)):
                z = logits(np.column_stack([matrix, np.full(len(matrix), float(part))]))
                stays *= 1 / (1 + np.exp(z))
            return logit(1 - stays)

        return whole


def shorter(country: Country, target: Target, days: int) -> Country:
    return msgspec.structs.replace(country, **{target.horizon: days})


def _happened(rows: TrainingSet) -> dict[tuple[int, str], float]:
    return dict(zip(zip(rows.at_us.tolist(), rows.ids[rows.customers].tolist(), strict=True), rows.y, strict=True))


def _stacked(blocks: list[tuple[TrainingSet, int]]) -> TrainingSet:
    first = blocks[-1][0]
    silence = next(one for one in first.columns if not one.levels)
    parts = [np.column_stack([rows.matrix, np.full(len(rows), float(part))]) for rows, part in blocks]
    return replace(
        first,
        columns=(*first.columns, silence),
        matrix=np.concatenate(parts),
        at_us=np.concatenate([rows.at_us for rows, _ in blocks]),
        y=np.concatenate([rows.y for rows, _ in blocks]),
    )

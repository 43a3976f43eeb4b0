"""What each column of a model adds to one customer's score: all of it, for whoever asks why. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scorer.scoring import Score
from scorer.subjects import Subjects
from scorer.theme import theme_of
from scv.model.bundle import Bundle
from scv.model.column import Column


@dataclass(frozen=True)
class Contribution:
    """What a column adds to the log-odds, and its value: a number, a word, or None for missing."""

    column: str
    theme: str
    added: float
    value: float | str | None


@dataclass(frozen=True)
class ScoreExplanation:
    """One target: `margin`, the log-odds before calibration, is `base` and all that is added. Strongest first."""

    target: str
    model: str
    margin: float
    base: float
    contributions: Sequence[Contribution]


def explanations(subjects: Subjects, models: Mapping[str, Bundle | None], score: Score) -> list[ScoreExplanation]:
    """Of the first of `subjects`, whose score that is; one for each target that has a probability."""
    scored = {one.target for one in score.targets if one.status == "SCORED"}
    return [_explained(subjects, name, model) for name, model in models.items() if model and name in scored]


def _explained(subjects: Subjects, target: str, model: Bundle) -> ScoreExplanation:
    matrix = np.ascontiguousarray(model.matrix(subjects.features)[:1])
    margin, (added,) = float(model.logits(matrix)[0]), model.reasons(matrix)
    found = [
        Contribution(column.name, theme_of(column.name), float(weight), _value(column, float(number)))
        for column, weight, number in zip(model.columns, added, matrix[0], strict=True)
    ]
    found.sort(key=lambda one: (-abs(one.added), one.column))
    return ScoreExplanation(target, model.info.id, margin, margin - float(added.sum()), found)


def _value(column: Column, number: float) -> float | str | None:
    if np.isnan(number):
        return None
    return column.levels[int(number)] if column.levels else number

"""The weekly search: Optuna over recipes, judged forward in time, on fixed seeds and trial counts.

The rows are cut into bins once; a trial fits on parts of that. The best blend weight is found inside a trial, since
it needs no further fit.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import optuna
from lightgbm.basic import LightGBMError

from scv.model import metrics
from scv.model.calibration import Logistic, prior_offset, sigmoid
from scv.model.trees import blend, booster
from trainer.dataset import TrainingSet
from trainer.fit import binned, grow, regress
from trainer.recipe import DEFAULT, Recipe
from trainer.splits import Split, searched
from trainer.study import JOURNAL, Study, key

TRIALS = {"lapse": 15}
OTHER_TRIALS = 5
"""How many trials a target gets: fixed, so that runs repeat."""
MOST_LEAVES, MOST_ROUNDS = 8, 400
"""Such trees can be looked up (`scv.model.shap_table`): larger ones would be asked for every reason of every answer."""
WEIGHTS = np.linspace(0, 1, 11)


@dataclass(frozen=True)
class Trial:
    """One trial: `loss` is the log loss on later weeks, None where it was pruned; `best` the lowest up to it."""

    number: int
    total: int
    loss: float | None
    recipe: Recipe
    best: float | None

    @property
    def text(self) -> str:
        found = "pruned" if self.loss is None else f"log loss {self.loss:.4f}"
        return found if self.best is None else f"{found}, best {self.best:.4f}"


def space(trial: optuna.Trial) -> Recipe:
    """The recipes that are searched; the blend weight is added inside the objective."""
    rebalancing = trial.suggest_categorical("rebalancing", ["none", "negatives", "weight"])
    return Recipe(
        leaves=trial.suggest_int("leaves", 3, MOST_LEAVES, log=True),
        least_rows=trial.suggest_int("least_rows", 100, 500, log=True),
        l2=trial.suggest_float("l2", 5, 200, log=True),
        rate=trial.suggest_float("rate", 0.015, 0.06, log=True),
        rounds=trial.suggest_int("rounds", 100, MOST_ROUNDS, step=50),
        columns_share=trial.suggest_float("columns_share", 0.2, 1.0),
        random_splits=trial.suggest_categorical("random_splits", [True, False]),
        keep_negatives=trial.suggest_float("keep_negatives", 0.3, 0.8) if rebalancing == "negatives" else 1.0,
        positive_weight=trial.suggest_float("positive_weight", 1.5, 5, log=True) if rebalancing == "weight" else 1.0,
        half_life_weeks=trial.suggest_categorical("half_life_weeks", [0, 4, 8, 16]),
        c=trial.suggest_float("c", 3e-4, 3e-2, log=True),
    )


def parameters(recipe: Recipe) -> dict[str, object]:
    """The parameters of `space` that give a recipe: how one is put among the trials."""
    negatives, weight = recipe.keep_negatives < 1, recipe.positive_weight > 1
    found = {"rebalancing": "negatives" if negatives else "weight" if weight else "none"}
    asked = {"keep_negatives": negatives, "positive_weight": weight and not negatives, "weight": False, "recent": False}
    return found | {name: value for name, value in msgspec.to_builtins(recipe).items() if asked.get(name, True)}


def search(
    rows: TrainingSet,
    trials: int,
    enqueued: Sequence[Recipe] = (),
    progress: Callable[[Trial], None] = lambda step: None,
    kept: Path | None = None,
    threads: int = 1,
) -> tuple[Recipe, list[Trial]]:
    """The best recipe and the history. The small default and `enqueued` (last week's) are always among the trials.

    `kept`: the folder of its study, in which a search of the same rows that was killed is found and gone on with.
    """
    asked = list(dict.fromkeys([DEFAULT, *enqueued]))
    total, judge, history = max(trials, len(asked)), Judge(rows, threads), list[Trial]()
    study = Study(kept and kept / (key(rows, asked) + JOURNAL))

    def objective(trial: optuna.Trial) -> float:
        try:
            loss, weight = judge(space(trial), trial)
        except LightGBMError as error:  # what its own checks refuse is no candidate
            raise optuna.TrialPruned(str(error)) from error
        trial.set_user_attr("weight", weight)
        return loss

    while len(history) < total:
        step = len(history)
        if step == len(study.ended):
            study.run(objective, parameters(asked[step]) if step < len(asked) else None)
        history.append(_noted(study.ended[: step + 1], total))
        progress(history[-1])
    judged = [step for step in history if step.loss is not None]
    return min(judged, key=lambda step: step.loss or 0.0).recipe if judged else DEFAULT, history


def _noted(trials: Sequence[optuna.trial.FrozenTrial], total: int) -> Trial:
    """The last of some trials."""
    losses, last = [one.value for one in trials if one.state == optuna.trial.TrialState.COMPLETE], trials[-1]
    recipe = space(optuna.trial.FixedTrial(last.params))
    weight = last.user_attrs.get("weight", recipe.weight)
    loss = last.value if last.state == optuna.trial.TrialState.COMPLETE else None
    best = min((one for one in losses if one is not None), default=None)
    return Trial(len(trials), total, loss, msgspec.structs.replace(recipe, weight=weight), best)


class Judge:
    """The objective: log loss on later weeks, after an embargo of one horizon, at the best blend weight.

    Its splits are fitted side by side and heard in their order: how many `threads` there are changes no answer.
    """

    def __init__(self, rows: TrainingSet, threads: int = 1) -> None:
        self.rows, self.splits, self.threads = rows, searched(rows), threads
        self.whole = binned(rows)
        self._logistic = functools.cache(self._regress)

    def __call__(self, recipe: Recipe, trial: optuna.Trial | None = None) -> tuple[float, float]:
        """(log loss, weight). Raises TrialPruned where the first weeks already say no."""
        found = list[np.ndarray]()
        with ThreadPoolExecutor(self.threads) as pool:
            asked = [pool.submit(self._losses, recipe, k, split) for k, split in enumerate(self.splits)]
            try:
                for k, one in enumerate(asked):
                    found.append(one.result())
                    if trial is not None and k + 1 < len(asked):
                        trial.report(float(found[-1].min()), k)
                        if trial.should_prune():
                            raise optuna.TrialPruned
            finally:
                pool.shutdown(cancel_futures=True)
        sizes = np.array([len(split.judge) for split in self.splits], dtype=float)
        mean = np.average(np.array(found), axis=0, weights=sizes)
        best = int(np.argmin(mean))
        return float(mean[best]), round(float(WEIGHTS[best]), 2)

    def _losses(self, recipe: Recipe, k: int, split: Split) -> np.ndarray:
        """Log loss at every weight."""
        matrix, y = self.rows.matrix[split.judge], self.rows.y[split.judge]
        trees = booster(grow(recipe, self.rows, self.whole, split.fit).model_to_string())
        offset = prior_offset(recipe.keep_negatives, recipe.positive_weight)
        ours = blend(trees, matrix, offset, None, 0.0)
        beside = self._logistic(k, recipe.c, recipe.half_life_weeks)(matrix)
        return np.array([metrics.log_loss(y, sigmoid((1 - w) * ours + w * beside)) for w in WEIGHTS])

    def _regress(self, k: int, c: float, half_life_weeks: int) -> Logistic:
        return regress(c, half_life_weeks, self.rows.take(self.splits[k].fit))

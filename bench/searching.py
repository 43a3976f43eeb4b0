"""The weekly search beside a plain objective: how long each takes to come to the same loss.

The plain one is what one writes first: the same recipes, sampler and weeks; every trial makes its matrices anew, fits
with the libraries' own threads, prunes nothing, and draws the weight of the blend as one more parameter.
"""

from __future__ import annotations

import time
import warnings

import lightgbm
import numpy as np
import optuna
from sklearn.linear_model import LogisticRegression

from bench.timing import fact, faster
from bench.world import US, World, say
from proof.figures import Figure
from scv.events import calendar
from scv.model import metrics
from scv.model.calibration import logit, logs, prior_offset, sigmoid
from scv.targets import target
from trainer import past
from trainer.dataset import TrainingSet
from trainer.fit import SEED, age_weights
from trainer.recipe import Recipe
from trainer.search import search, space
from trainer.splits import searched

FROZEN, TARGET = "2017-12-26", "skip"
MOST = 10
"""Times our seconds; then the plain one has lost."""


def run(world: World) -> list[Figure]:
    """The figures, on the demo's rows."""
    settings, asked = world.snapshots, target.get(TARGET)
    with past.read(settings, US, [asked], calendar.reference(FROZEN, US)) as known:
        rows = known.rows(asked)
    say(f"Searching on {len(rows):,} rows, {world.size.trials} trials …")
    began = time.perf_counter()
    _, history = search(rows, world.size.trials, threads=settings.threads)
    ours = time.perf_counter() - began
    goal = min(step.loss for step in history if step.loss is not None)
    theirs, trials, loss = _plain(rows, goal, MOST * ours)
    what = f"search, {len(rows):,} rows, {len(searched(rows))} past blocks: ours / a plain Optuna objective"
    reached = f"{trials} trials, {loss:.5f}" + ("" if loss <= goal else ": not reached")
    return [
        fact("search: log loss", f"ours {goal:.5f} in {len(history)} trials; the plain one {reached}"),
        faster(what, ours, theirs, "s", 3),
    ]


def _plain(rows: TrainingSet, goal: float, within_s: float) -> tuple[float, int, float]:
    """(seconds, trials, lowest loss) of the plain search up to a loss or for so long."""
    splits, began = searched(rows), time.perf_counter()

    def objective(trial: optuna.Trial) -> float:
        recipe, weight = space(trial), trial.suggest_float("blend", 0, 1)
        losses = []
        for split in splits:
            fitted, judged = rows.take(split.fit), rows.take(split.judge)
            losses.append(metrics.losses(judged.y, _blend(recipe, weight, fitted, judged.matrix)))
        return float(np.concatenate(losses).mean())

    def stop(study: optuna.Study, _: object) -> None:
        if study.best_value <= goal or time.perf_counter() - began >= within_s:
            study.stop()

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=SEED))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study.optimize(objective, callbacks=[stop])
    return time.perf_counter() - began, len(study.trials), float(study.best_value)


def _blend(recipe: Recipe, weight: float, rows: TrainingSet, matrix: np.ndarray) -> np.ndarray:
    drawn = np.random.default_rng(SEED).random(len(rows)) < np.where(rows.y == 1, 1, recipe.keep_negatives)
    ages = age_weights(rows.at_us, recipe.half_life_weeks)
    heavier = ages * np.where(rows.y == 1, recipe.positive_weight, 1)
    words = [j for j, one in enumerate(rows.columns) if one.levels]
    data = lightgbm.Dataset(
        rows.matrix[drawn], rows.y[drawn], weight=heavier[drawn], categorical_feature=words or "auto"
    )
    trees = {"num_leaves": recipe.leaves, "min_data_in_leaf": recipe.least_rows, "lambda_l2": recipe.l2}
    trees |= {"learning_rate": recipe.rate, "feature_fraction": recipe.columns_share}
    chosen = {"objective": "binary", "extra_trees": recipe.random_splits, "enable_bundle": False, "verbosity": -1}
    grown = lightgbm.train(trees | chosen, data, recipe.rounds)
    numbers = [j for j, one in enumerate(rows.columns) if not one.levels]
    x, new = (np.nan_to_num(logs(values[:, numbers])) for values in (rows.matrix, matrix))
    means, sds = x.mean(axis=0), x.std(axis=0) + 1e-9
    line = LogisticRegression(C=recipe.c, max_iter=300).fit((x - means) / sds, rows.y, sample_weight=ages)
    offset = prior_offset(recipe.keep_negatives, recipe.positive_weight)
    z = logit(np.asarray(grown.predict(matrix))) + offset
    return sigmoid((1 - weight) * z + weight * line.decision_function((new - means) / sds))

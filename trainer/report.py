"""The report of a bundle: one HTML page with its pictures inside, honest words first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pages import curves
from pages.page import Block, Heading, Picture, Table, Text, page
from scv.events.calendar import from_us, label
from scv.fetchers import roles
from scv.model import metrics
from scv.offline.lake_version import LakeVersion
from trainer.assembly import Assembled
from trainer.dataset import TrainingSet
from trainer.drift import drifts
from trainer.fit import RECENT_WEEKS
from trainer.gate import Verdict
from trainer.learning import learning
from trainer.search import Trial
from trainer.splits import judged
from trainer.words import GLOSSARY, first_lines

MOST_EXPLAINED = 4000
STRONGEST, MOST_DRIFTED, STEPS = 6, 10, 10
TENURE_WEEKS = (13, 26, 52)
TENURES = ("up to 13 weeks", "14 to 26 weeks", "27 to 52 weeks", "more than 52 weeks")
COLUMNS = ("log_loss", "auc", "pr_auc", "lift", "ece", "ratio", "rows", "positives")
BEHIND = "what its few columns say is lost among the others, or these weeks were unlike those that were learned from."
Said = Mapping[str, np.ndarray]
"""Name of a model → its probabilities of the same rows."""


def report_page(made: Assembled, verdict: Verdict, history: Sequence[Trial]) -> str:
    """The page as text; it names no customer and loads nothing."""
    info, (matrix, added) = made.info, contributions(made)
    blocks = [
        *map(Text, first_lines(made)),
        Text(f"Gate: {verdict.why}."),
        Heading("On weeks that a model had not seen"),
        *_later(made, verdict),
        *_learned(made, verdict),
        Heading("On customers that a fit had not seen (these set the calibration)"),
        _table({"this bundle": info.metrics["out_of_fold"]}),
        _picture(made, history, added),
        *_dependence(made, matrix, added),
        *_drifted(made),
        Heading("What the words mean"),
        Table(list(GLOSSARY.items()), ("word", "means"), words=("means",)),
        Heading("How it was made"),
        *map(Text, _made(made)),
    ]
    return page(f"{info.country} {info.target} {info.id}", blocks)


def _later(made: Assembled, verdict: Verdict) -> list[Block]:
    if verdict.judged is None:
        return [Text("None: the recipe was not judged forward in time.")]
    held = verdict.judged
    mine = held.candidate if verdict.winner == "candidate" else held.incumbent
    said = {"this recipe": mine, **held.peers}
    rows = {"this recipe": verdict.figures[verdict.winner], **{name: verdict.figures[name] for name in held.peers}}
    weights = metrics.draw_weights(held.rows.customers, seed=7)
    blocks: list[Block] = [_table(rows)]
    for name, p in held.peers.items():
        found = metrics.loss_difference(held.rows.y, mine, p, weights)
        interval = f"{found.value:+.4f} (95 % interval by customer {found.low:+.4f} to {found.high:+.4f})"
        better = f" {name} alone knows more here than this recipe: {BEHIND}" if found.low > 0 else ""
        blocks.append(Text(f"Log loss of this recipe minus {name}: {interval}.{better}", "loud" if better else ""))
    y = held.rows.y
    for what, names in segments(held.rows).items():
        blocks.append(_by_segment(what, names, y, mine))
    blocks += [*_movement(verdict.figures["movement"])]
    lift = curves.lift({name: metrics.lift_curve(y, p) for name, p in said.items()})
    return [*blocks, curves.draw("precision and recall, reliability, lift", *_quality(y, said), lift)]


def segments(rows: TrainingSet) -> dict[str, np.ndarray]:
    """Ways to part the rows: phase of the customer's life, and weeks since the first order where that is a column."""
    found = {"phase": rows.phases.astype(str)}
    names = [one.name for one in rows.columns]
    if roles.FIRST_ORDER in names:
        days = rows.matrix[:, names.index(roles.FIRST_ORDER)]
        first = np.searchsorted(TENURE_WEEKS, days / 7)  # NaN sorts last
        found["tenure"] = np.array([*TENURES, "unknown"])[np.where(np.isnan(days), len(TENURES), first)]
    return found


def _by_segment(what: str, names: np.ndarray, y: np.ndarray, p: np.ndarray) -> Table:
    """Where it is right and where it is not: segments that have both outcomes."""
    lines = []
    for name in sorted(set(names.tolist()), key=[*TENURES, *sorted(set(names.tolist()))].index):
        of = names == name
        if y[of].min() < y[of].max():
            found = metrics.figures_of(y[of], p[of])
            shares = f"{p[of].mean():.1%}", f"{y[of].mean():.1%}"
            lines.append((name, f"{of.sum():,}", *shares, _number(found["log_loss"]), _number(found["auc"])))
    return Table(lines, (what, "rows", "said", "happened", "log loss", "auc"))


def _movement(origins: Sequence[Mapping[str, Any]]) -> list[Block]:
    """What was said of the weeks after each origin, and what happened in them."""
    times = [one["happened"] / one["said"] for one in origins]
    said = (
        f"Each line is a past Tuesday as if it had been today. What happened was {min(times):.2f} to {max(times):.2f} "
        f"times what was said: a stated 10% has meant {0.1 * min(times):.1%} to {0.1 * max(times):.1%}."
    )
    columns = ("weeks", "rows", "said", "happened", "log loss")
    lines = [
        (
            f"{one['first']} to {one['last']}",
            f"{one['rows']:,}",
            f"{one['said']:.1%}",
            f"{one['happened']:.1%}",
            f"{one['log_loss']:.4f}",
        )
        for one in origins
    ]
    return [Text(said), Table(lines, columns)]


def _quality(y: np.ndarray, said: Said) -> list[curves.Panel]:
    found = {f"{name} ({metrics.pr_auc(y, p):.3f})": metrics.pr_curve(y, p) for name, p in said.items()}
    shares = {name: metrics.reliability(y, p) for name, p in said.items()}
    return [curves.precision_recall(found, float(y.mean())), curves.reliability(shares)]


def _picture(made: Assembled, history: Sequence[Trial], added: np.ndarray) -> Picture:
    rows = made.rows
    weights = dict(zip((one.name for one in rows.columns), np.abs(added).mean(axis=0), strict=True))
    panels = [*_quality(rows.y, {"this bundle": made.said})]
    panels.append(curves.bars("What moves the score", "mean size in the logit", weights))
    alt = "precision and recall, reliability, importances"
    losses = [step.loss for step in history]
    if any(loss is not None for loss in losses):
        panels.append(curves.best_so_far("The search", "log loss on later weeks", losses))
        alt += ", study history"
    place = np.searchsorted(rows.references, rows.at_us)
    counts = np.bincount(place)
    dates = [label(from_us(int(us)), rows.country) for us in rows.references]
    series = {"said": np.bincount(place, made.said) / counts, "happened": np.bincount(place, rows.y) / counts}
    panels.append(curves.by_date("By reference", "share", dates, series))
    return curves.draw(f"{alt}, score drift", *panels)


def contributions(made: Assembled) -> tuple[np.ndarray, np.ndarray]:
    """float64[m, k] twice: values of some rows, and what each adds to their logits (trees and logistic, blended) beside
    its mean."""
    matrix = made.rows.matrix[:: max(1, len(made.rows) // MOST_EXPLAINED)]
    trees = made.fitted.trees.predict(matrix, pred_contrib=True, num_threads=1)[:, :-1]
    added = trees * (1 - made.fitted.weight) + made.fitted.weight * made.fitted.logistic.terms(matrix)
    return matrix, added - added.mean(axis=0)


def _dependence(made: Assembled, matrix: np.ndarray, added: np.ndarray) -> list[Block]:
    """What the strongest columns add, from their low to their high values."""
    strongest = [int(j) for j in np.argsort(-np.abs(added).mean(axis=0)) if not made.rows.columns[j].levels]
    panels = []
    for j in strongest[:STRONGEST]:
        known = ~np.isnan(matrix[:, j])
        values, adds = matrix[known, j], added[known, j]
        if len(np.unique(values)) > 1:
            edges = np.unique(np.quantile(values, np.arange(1, STEPS) / STEPS))
            place = np.searchsorted(edges, values, side="right")
            points = [(values[place == k].mean(), adds[place == k].mean()) for k in np.unique(place)]
            panels.append(curves.dependence(made.rows.columns[j].name, *np.array(points).T))
    if not panels:
        return []
    names = ", ".join(made.rows.columns[j].name for j in strongest[:STRONGEST])
    text = "What each value adds to the logit, on average over the rows that have it; 0 is the column's mean."
    return [Heading("How the strongest columns work"), Text(text), curves.draw(f"dependence on {names}", *panels)]


def _drifted(made: Assembled) -> list[Block]:
    found = drifts(made.rows, made.said)
    if not found:
        return []
    text = (
        f"The last {RECENT_WEEKS} weeks beside all before: stability index (below 0.1 the same by custom, above 0.25 "
        "other), median and share missing. A column that moves is no fault by itself: seasons move many."
    )
    lines = [
        (one.name, f"{one.psi:.3f}", *(f"{value:,.4g}" for value in one.medians), *(f"{m:.1%}" for m in one.missing))
        for one in found[: MOST_DRIFTED + 1]
    ]
    columns = ("column", "index", "median before", "median now", "missing before", "missing now")
    return [Heading("What has moved"), Text(text), Table(lines, columns)]


def _learned(made: Assembled, verdict: Verdict) -> list[Block]:
    """Where the next data would help, at the newest origin."""
    if verdict.judged is None:
        return []
    found = learning(verdict.recipe, made.rows, judged(made.rows)[-1])
    panels = [curves.learning(f"By {one.of}", one.rows, one.losses) for one in found if len(one.rows) > 1]
    blocks: list[Block] = [Heading("Where more data would help"), *(Text(one.sentence) for one in found)]
    return [*blocks, curves.draw("learning curves", *panels)] if panels else blocks


def _made(made: Assembled) -> list[str]:
    info = made.info
    on = info.trained_on
    removed = ", ".join(f"{count} {reason}" for reason, count in sorted(on.removed.items())) or "none"
    became = ", ".join(f"{count:,} {outcome}" for outcome, count in made.rows.outcomes.items())
    return [
        f"Frozen at {info.reference:%Y-%m-%d %H:%M} UTC from {on.references} references, {on.first:%Y-%m-%d} to "
        f"{on.last:%Y-%m-%d}; labels as of {info.label_as_of:%Y-%m-%d %H:%M} UTC; "
        f"lake {LakeVersion(info.stamp.lake).hash}.",
        f"Rows that were removed: {removed}.",
        *([f"Of each customer's weeks {on.share:.0%} were drawn (CEREBRO_TRAIN_ROWS)."] if on.share < 1 else []),
        *([f"What became of the rows: {became}."] if became else []),
        f"Calibration: {info.calibration.kind}, on predictions for customers that the fit had not seen.",
        "Recipe: " + ", ".join(f"{name} {value}" for name, value in info.params.items()) + ".",
    ]


def _table(rows: Mapping[str, Mapping[str, float]]) -> Table:
    columns = [name.replace("_", " ") for name in ("", *COLUMNS)]
    return Table([(name, *(_number(found[one]) for one in COLUMNS)) for name, found in rows.items()], columns)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"

"""The report of a bundle: one HTML page with its pictures inside, honest words first."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

import numpy as np

from scv.events.calendar import from_us, label
from scv.model import metrics
from scv.model.bundle import booster
from trainer import pictures
from trainer.assembly import Assembled
from trainer.gate import Verdict
from trainer.search import Step
from trainer.words import first_lines

MOST_EXPLAINED = 4000
STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:980px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .8em;border-bottom:1px solid #ddd;text-align:right}
td:first-child,th:first-child{text-align:left}img{max-width:49%}h1{font-size:1.4em}h2{font-size:1.1em}"""
COLUMNS = ("log_loss", "auc", "pr_auc", "lift", "ece", "ratio", "rows", "positives")


def report_page(made: Assembled, verdict: Verdict, history: Sequence[Step]) -> str:
    """The page as text; it names no customer and loads nothing."""
    info = made.info
    title = f"{info.country} {info.target} {info.id}"
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        _paragraphs(first_lines(made)),
        f"<p>Gate: {html.escape(verdict.why)}.</p>",
        "<h2>On weeks that a model had not seen</h2>",
        _later(made, verdict),
        "<h2>On customers that a fit had not seen (these set the calibration)</h2>",
        _table({"this bundle": info.metrics["out_of_fold"]}),
        _pictures(made, history),
        "<h2>How it was made</h2>",
        _paragraphs(_made(made)),
    ]
    body = "\n".join(parts)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _later(made: Assembled, verdict: Verdict) -> str:
    if verdict.judged is None:
        return "<p>None: the recipe was not judged forward in time.</p>"
    held = verdict.judged
    mine = held.candidate if verdict.winner == "candidate" else held.incumbent
    said = {"this recipe": mine, **held.peers}
    rows = {"this recipe": verdict.figures[verdict.winner], **{name: verdict.figures[name] for name in held.peers}}
    weights = metrics.draw_weights(held.rows.customers, seed=7)
    lines = []
    for name, p in held.peers.items():
        found = metrics.loss_difference(held.rows.y, mine, p, weights)
        lines.append(
            f"Log loss of this recipe minus {name}: {found.value:+.4f} (95 % interval by customer "
            f"{found.low:+.4f} to {found.high:+.4f})."
        )
    y = held.rows.y
    return (
        _table(rows)
        + _paragraphs(lines)
        + pictures.precision_recall(y, said)
        + pictures.reliability(y, said)
        + pictures.lift(y, said)
    )


def _pictures(made: Assembled, history: Sequence[Step]) -> str:
    rows, said = made.rows, {"this bundle": made.said}
    found = [
        pictures.reliability(rows.y, said),
        pictures.precision_recall(rows.y, said),
        pictures.importances([one.name for one in rows.columns], importance(made)),
    ]
    if any(step.loss is not None for step in history):
        found.append(pictures.study([step.loss for step in history]))
    place = np.searchsorted(rows.references, rows.at_us)
    counts = np.bincount(place)
    dates = [label(from_us(int(us)), rows.country) for us in rows.references]
    found.append(pictures.drift(dates, np.bincount(place, made.said) / counts, np.bincount(place, rows.y) / counts))
    return "".join(found)


def importance(made: Assembled) -> np.ndarray:
    """float64[k]: mean size of what each column adds to the blended logit, trees and logistic together."""
    step = max(1, len(made.rows) // MOST_EXPLAINED)
    matrix = made.rows.matrix[::step]
    trees = booster(made.model).predict(matrix, pred_contrib=True, num_threads=1)[:, :-1]
    added = trees * (1 - made.fitted.weight) + made.fitted.weight * made.fitted.logistic.terms(matrix)
    return np.abs(added - added.mean(axis=0)).mean(axis=0)


def _made(made: Assembled) -> list[str]:
    info = made.info
    on = info.trained_on
    removed = ", ".join(f"{count} {reason}" for reason, count in sorted(on.removed.items())) or "none"
    drifting = ", ".join(sorted(info.metrics.get("drifting", []))) or "none"
    return [
        f"Frozen at {info.reference:%Y-%m-%d %H:%M} UTC from {on.references} references, {on.first:%Y-%m-%d} to "
        f"{on.last:%Y-%m-%d}; labels as of {info.label_as_of:%Y-%m-%d %H:%M} UTC; lake {info.lake}.",
        f"Rows that were removed: {removed}.",
        *_outcomes(made),
        f"Columns left out because they move with the calendar: {drifting}.",
        f"Calibration: {info.calibration.kind}, on predictions for customers that the fit had not seen.",
        "Recipe: " + ", ".join(f"{name} {value}" for name, value in info.params.items()) + ".",
    ]


def _outcomes(made: Assembled) -> list[str]:
    """What became of the rows, where that is more than yes or no."""
    found = ", ".join(f"{count:,} {outcome}" for outcome, count in made.rows.outcomes.items())
    return [f"What became of the rows: {found}."] if found else []


def _table(rows: dict[str, dict[str, float]]) -> str:
    head = "".join(f"<th>{name.replace('_', ' ')}</th>" for name in ("", *COLUMNS))
    body = "".join(
        f"<tr><td>{html.escape(name)}</td>{''.join(f'<td>{_number(found[one])}</td>' for one in COLUMNS)}</tr>"
        for name, found in rows.items()
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _paragraphs(lines: Iterable[str]) -> str:
    return "".join(f"<p>{html.escape(line)}</p>" for line in lines)

"""The truth report as one HTML page: pictures inside, nothing loaded from anywhere."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from proof.truth.judgement import Quality, Slice
from proof.truth.rows import Rows
from scv.model import metrics
from scv.model.metrics import Interval

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; } td, th { padding: .2rem .8rem; border-bottom: 1px solid #ddd; }
td { text-align: right; } th, td:first-child { text-align: left; } img { max-width: 100%; }
"""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
COLUMNS = ("", "Rows", "Positives", "AUC", "Log loss", "Calibration error (bound)")
BEHIND = ("Phase", "AUC below the truth", "Log loss above the truth", "Share of the attainable gain")


def page(judged: Sequence[tuple[Rows, Sequence[Slice]]], about: str) -> str:
    """The whole page; `about` says which world it is."""
    title = "The truth of a simulated world"
    parts = [
        f"<h1>{title}</h1><p>{escape(about)}</p>",
        "<p>Nothing here is real. The truth knows what no event shows: a customer's taste, patience, engagement and "
        "frailty. Beyond sampling error no model passes it. Intervals are 95 %, by customer.</p>",
    ]
    for rows, slices in judged:
        parts += _section(rows, slices)
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{STYLE}</style></head>'
    )
    return f"{head}<body>{''.join(parts)}</body></html>\n"


def lines(rows: Rows, slices: Sequence[Slice]) -> list[Sequence[str]]:
    """The table that a person sees, a line per slice and model."""
    found: list[Sequence[str]] = []
    for one in slices:
        name = f"{rows.country.code} {rows.target.name} {one.phase or 'all'}"
        pairs = [("truth", one.truth), ("champion", one.champion)]
        found += [(f"{name}: {who}", *_cells(one, quality)) for who, quality in pairs if quality is not None]
    return found


def _section(rows: Rows, slices: Sequence[Slice]) -> list[str]:
    country, target = rows.country, rows.target
    parts = [f"<h2>{escape(f'{country.code} {target.name}: {target.sentence(country)}')}</h2>"]
    if not slices:
        return [*parts, f"<p>{len(rows):,} rows, {int(rows.y.sum())} positives: too few to say anything.</p>"]
    parts.append(f"<p>{escape(_told(rows))}</p>")
    parts.append(_table(COLUMNS, lines(rows, slices)))
    if rows.said is not None:
        parts.append(_table(BEHIND, [_behind(one) for one in slices]))
    parts.append(f'<img alt="reliability and lift" src="{picture(rows)}">')
    return parts


def _told(rows: Rows) -> str:
    text = f"{rows.paths} lives from each row's latent state. {rows.removed} rows left out: ended involuntarily."
    if rows.said is None:
        return f"{text} No champion was frozen before these references."
    return f"{text} Champion: {rows.model}. {rows.strangers} rows of the world are not in the product's population."


def _cells(one: Slice, quality: Quality) -> Sequence[str]:
    calibration = f"{quality.ece:.4f} ({quality.ece_bound:.4f})"
    return f"{one.rows:,}", f"{one.positives:,}", _shown(quality.auc, 3), _shown(quality.log_loss, 4), calibration


def _behind(one: Slice) -> Sequence[str]:
    if one.worse is None or one.behind is None:
        return one.phase or "all", "", "", ""
    below = Interval(-one.behind.value, -one.behind.high, -one.behind.low)
    share = "" if one.explained is None else f"{100 * one.explained:.0f} %"
    return one.phase or "all", _shown(below, 3), _shown(one.worse, 4), share


def _shown(interval: Interval, digits: int) -> str:
    return f"{interval.value:.{digits}f} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def picture(rows: Rows) -> str:
    """Reliability and lift of the truth, and of the champion where there is one, as a data URL."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.8), layout="constrained")
    FigureCanvasAgg(figure)  # no display, no global state
    left, right = figure.subplots(1, 2)
    said = {"truth": rows.true} | ({} if rows.said is None else {"champion": rows.said})
    top = 0.0
    for name, p in said.items():
        top = max(top, _reliability(left, rows.y, p, name))
        share, found = metrics.lift_curve(rows.y, p)
        right.plot(share, found, label=f"{name} (AUC {metrics.auc(rows.y, p):.3f})")
    left.plot([0, top], [0, top], linestyle=":", color="grey")
    right.plot([0, 1], [0, 1], linestyle=":", color="grey")
    left.set(xlabel="probability", ylabel="share that happened", title="Reliability (tenths of the rows)")
    right.set(xlabel="share of rows, highest first", ylabel="share of positives found", title="Lift")
    for axes in (left, right):
        axes.legend(fontsize=8)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def _reliability(axes: Any, y: np.ndarray, p: np.ndarray, name: str) -> float:
    """Draw it; the largest value drawn."""
    said, seen, rows = metrics.reliability(y, p)
    error = 1.96 * np.sqrt(np.clip(seen * (1 - seen), 1e-9, None) / rows)
    axes.errorbar(said, seen, yerr=error, fmt="o-", capsize=3, label=name)
    return 1.05 * max(float(said.max()), float((seen + error).max()))

"""The feedback as one HTML page: pictures inside, nothing loaded from anywhere."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from scorer.feedback.outcomes import Hindsight
from scorer.feedback.validation import Business, Feedback, HeldOut, Judged, Quality, sentence
from scv.model import metrics
from scv.model.metrics import Interval

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; } td, th { padding: .2rem .8rem; border-bottom: 1px solid #ddd; }
td { text-align: right; } th, td:first-child { text-align: left; } img { max-width: 100%; }
.first { font-size: 1.25rem; } .quiet { color: #666; }
"""
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""The browser itself refuses whatever this page would load."""


def page(found: Feedback, notes: Sequence[str] = ()) -> str:
    """The whole page. `notes` are sentences about the data that belong at its top."""
    country = found.country
    title = f"How right were the lists? {country.code}"
    parts = [f"<h1>{escape(title)}</h1>", f'<p class="first">{escape(sentence(found))}</p>']
    parts += [f"<p>{escape(line)}</p>" for line in [*notes, *_honest(found)]]
    for one in found.judged:
        parts += _section(one, found)
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{STYLE}</style></head>'
    )
    return f"{head}<body>{''.join(parts)}</body></html>\n"


def _honest(found: Feedback) -> list[str]:
    """What a reader must know before the figures."""
    first, country = found.judged[0].past, found.country
    lines = [f"Source: {country.provenance}."] if country.provenance else []
    if first.target.basis == "derived":
        lines.append("The targets are derived from silence: nobody cancelled anything.")
    if not any((one.past.contacted & (one.past.status == "LISTED")).any() for one in found.judged):
        lines.append("Nobody on these lists was contacted, so nothing here measures the effect of contact.")
    lines.append("Intervals are 95 %, by household: all weeks of one household are drawn together.")
    return lines


def _section(one: Judged, found: Feedback) -> list[str]:
    past, target = one.past, one.past.target
    what = f"{target.name}: {target.sentence(found.country)}"
    parts = [f"<h2>{escape(what)}</h2>", _weeks(past)]
    if one.quality is None:
        return [*parts, "<p>No mature labels with both outcomes yet: nothing can be said.</p>"]
    parts.append(_quality(one.quality, past))
    parts.append(f'<img alt="precision and recall, reliability, lift" src="{picture(past)}">')
    parts.append(_phases(one.quality))
    if one.business:
        parts.append(_business(one.business, past))
    if one.held_out:
        parts.append(_held_out(one.held_out))
    return parts


def _weeks(past: Hindsight) -> str:
    judged = f"Tuesdays judged: {', '.join(past.dates) or 'none'}."
    waiting = f" Not decided yet: {', '.join(past.waiting)}." if past.waiting else ""
    removed = "".join(f" {count} rows left out: {reason}." for reason, count in past.removed.items())
    ended = ", ".join(f"{count:,} {outcome}" for outcome, count in past.outcomes.items())
    outcomes = f" What became of the rows: {ended}." if ended else ""
    return f'<p class="quiet">{escape(judged + waiting + removed + outcomes)}</p>'


def _quality(found: Quality, past: Hindsight) -> str:
    free = ~past.contacted
    rows = [
        ("Rows, positives, households", f"{found.rows:,}, {found.positives:,}, {found.households:,}"),
        ("AUC", _shown(found.auc)),
        ("AUC of recency alone", f"{found.recency_auc:.3f}"),
        ("PR-AUC (base rate)", f"{found.pr_auc:.3f} ({found.positives / found.rows:.3f})"),
        ("Log loss", _shown(found.log_loss, 4)),
        ("Calibration error (a perfect model stays below)", f"{found.ece:.4f} ({found.ece_bound:.4f})"),
        ("Mean probability over rate", f"{found.mean_ratio:.2f}"),
        ("Lift of the top tenth", f"{found.lift:.1f}"),
    ]
    if past.contacted.any() and past.y[free].any():
        rows.append(("Calibration error, uncontacted rows only", f"{metrics.ece(past.y[free], past.p[free]):.4f}"))
    return _table(("", ""), rows)


def _phases(found: Quality) -> str:
    rows = [
        (name, f"{count:,}", f"{positives:,}", "–" if np.isnan(auc) else f"{auc:.3f}")
        for name, (count, positives, auc) in found.phases.items()
    ]
    return _table(("Phase", "Rows", "Positives", "AUC"), rows)


def _business(found: Business, past: Hindsight) -> str:
    rows = [
        ("By the list", _shown(found.left, 0)),
        ("By recency alone", _shown(found.by_recency, 0)),
        ("By chance", _shown(found.by_chance, 0)),
        ("List minus recency", _shown(found.more_than_recency, 0)),
    ]
    title = f"Of {found.contacts:,} contacts listed over {len(past.dates)} Tuesdays"
    return f"<h3>{escape(title)}</h3>" + _table(("", past.target.name), rows)


def _held_out(found: HeldOut) -> str:
    title = "Placebo check of the held-out draw" if found.placebo else "Effect of being on the list"
    rows = [
        ("Listed", f"{found.listed:,}", f"{100 * found.listed_rate:.1f} %"),
        ("Held out, would have been listed", f"{found.held_out:,}", f"{100 * found.held_out_rate:.1f} %"),
        ("Difference, by assignment", "", _points(found.effect)),
        ("Smallest difference so many rows could show", "", f"{100 * found.smallest:.1f} points"),
        ("Of the listed, contacted", f"{found.contacted:,}", ""),
    ]
    return f"<h3>{title}: {escape(found.verdict)}</h3>" + _table(("", "Rows", "Rate"), rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if any(header) else ''}{body}</table>"


def _shown(interval: Interval, digits: int = 3) -> str:
    return f"{interval.value:.{digits}f} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"


def _points(interval: Interval) -> str:
    return f"{100 * interval.value:+.1f} points [{100 * interval.low:+.1f}, {100 * interval.high:+.1f}]"


# -- pictures ------------------------------------------------------------------------------------------------


def picture(past: Hindsight) -> str:
    """Three curves as a data URL."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.8), layout="constrained")
    FigureCanvasAgg(figure)  # no display, no global state
    left, middle, right = figure.subplots(1, 3)
    _precision(left, past)
    _reliability(middle, past)
    _lift(right, past)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def _precision(axes: Any, past: Hindsight) -> None:
    recall, precision = metrics.pr_curve(past.y, past.p)
    axes.plot(recall, precision)
    axes.axhline(past.y.mean(), linestyle=":", color="grey")
    axes.set(xlabel="share of positives found", ylabel="share of found that are positive", title="Precision and recall")
    axes.set(xlim=(0, 1), ylim=(0, 1.02))


def _reliability(axes: Any, past: Hindsight) -> None:
    said, seen, rows = metrics.reliability(past.y, past.p)
    error = 1.96 * np.sqrt(np.clip(seen * (1 - seen), 1e-9, None) / rows)
    axes.errorbar(said, seen, yerr=error, fmt="o-", capsize=3)
    top = 1.05 * max(float(said.max()), float((seen + error).max()))
    axes.plot([0, top], [0, top], linestyle=":", color="grey")
    axes.set(xlabel="probability said", ylabel="share that happened", title="Reliability (tenths of the rows)")


def _lift(axes: Any, past: Hindsight) -> None:
    share, found = metrics.lift_curve(past.y, past.p)
    axes.plot(share, found)
    axes.plot([0, 1], [0, 1], linestyle=":", color="grey")
    axes.set(xlabel="share of customers, highest first", ylabel="share of positives found", title="Lift")
    axes.set(xlim=(0, 1), ylim=(0, 1.02))

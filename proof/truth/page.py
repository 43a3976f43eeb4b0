"""The truth report as one HTML page, its pictures inside."""

from __future__ import annotations

from collections.abc import Sequence

from pages import curves
from pages.page import Block, Heading, Picture, Table, Text
from pages.page import page as whole
from proof.truth.judgement import Slice
from proof.truth.rows import TruthRows
from scv.model import metrics
from scv.model.metrics import Interval, Quality

COLUMNS = ("", "Rows", "Positives", "AUC", "Log loss", "Calibration error (bound)")
BEHIND = ("Phase", "AUC below the truth", "Log loss above the truth", "Share of the attainable gain")
UNREAL = (
    "Nothing here is real. The truth knows what no event shows: a customer's taste, patience, engagement and frailty. "
    "Beyond sampling error no model passes it. Intervals are 95 %, by customer."
)


def page(judged: Sequence[tuple[TruthRows, Sequence[Slice]]], about: str) -> str:
    """The whole page; `about` says which world it is."""
    blocks = [block for rows, slices in judged for block in _section(rows, slices)]
    return whole("The truth of a simulated world", [Text(about), Text(UNREAL), *blocks])


def lines(rows: TruthRows, slices: Sequence[Slice]) -> list[Sequence[str]]:
    """The table that a person sees, a line per slice and model."""
    found: list[Sequence[str]] = []
    for one in slices:
        name = f"{rows.country.code} {rows.target.name} {one.phase or 'all'}"
        pairs = [("truth", one.truth), ("champion", one.champion)]
        found += [(f"{name}: {who}", *_cells(one, quality)) for who, quality in pairs if quality is not None]
    return found


def _section(rows: TruthRows, slices: Sequence[Slice]) -> list[Block]:
    country, target = rows.country, rows.target
    title = Heading(f"{country.code} {target.name}: {target.sentence(country)}")
    if not slices:
        return [title, Text(f"{len(rows):,} rows, {int(rows.y.sum())} positives: too few to say anything.")]
    behind = [] if rows.said is None else [Table([_behind(one) for one in slices], BEHIND)]
    return [title, Text(_told(rows)), Table(lines(rows, slices), COLUMNS), *behind, _picture(rows)]


def _told(rows: TruthRows) -> str:
    text = f"{rows.paths} lives from each row's latent state. {rows.removed} rows left out: ended involuntarily."
    if rows.said is None:
        return f"{text} No champion was frozen before these references."
    return f"{text} Champion: {rows.model}. {rows.strangers} rows of the world are not in the product's population."


def _cells(one: Slice, quality: Quality) -> Sequence[str]:
    calibration = f"{quality.figures['ece']:.4f} ({quality.ece_bound:.4f})"
    return f"{one.rows:,}", f"{one.positives:,}", _shown(quality.auc, 3), _shown(quality.log_loss, 4), calibration


def _behind(one: Slice) -> Sequence[str]:
    if one.worse is None or one.behind is None:
        return one.phase or "all", "", "", ""
    below = Interval(-one.behind.value, -one.behind.high, -one.behind.low)
    share = "" if one.explained is None else f"{100 * one.explained:.0f} %"
    return one.phase or "all", _shown(below, 3), _shown(one.worse, 4), share


def _shown(interval: Interval, digits: int) -> str:
    return f"{interval.value:.{digits}f} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"


def _picture(rows: TruthRows) -> Picture:
    """Of the truth, and of the champion where there is one."""
    said = {"truth": rows.true} | ({} if rows.said is None else {"champion": rows.said})
    shares = {name: metrics.reliability(rows.y, p) for name, p in said.items()}
    found = {f"{name} (AUC {metrics.auc(rows.y, p):.3f})": metrics.lift_curve(rows.y, p) for name, p in said.items()}
    return curves.draw("reliability and lift", curves.reliability(shares), curves.lift(found))

"""Model quality on the later Tuesdays, beside the two baselines fitted in the same run on the same rows."""

from __future__ import annotations

from collections.abc import Sequence

from feature_repo.store import apply
from local.demo.findings import Findings
from local.demo.shop import END, FROZEN, LAST, Shop
from local.demo.stage import Stage
from scv import figures
from scv.figures import Figure
from scv.targets import target
from trainer.quality import Span, measure
from trainer.quality import figures as figures_of

HEADS = ("figure", "ours", "better baseline", "ratio", "bar", "")


def judge(stage: Stage, shop: Shop, found: Findings) -> None:
    """AUC, log loss and calibration of the frozen champions, and the table of them."""
    span = Span(shop.at(FROZEN), shop.at(LAST), shop.at(END))
    with found.step("Quality on nine later Tuesdays, beside RFM-LightGBM and RFM-logistic"):
        told = measure(stage.settings, shop.country, target.of_country(shop.country), span, apply(stage.settings))
        rows = figures_of(told)
    figures.write("quality", rows)
    lines = [
        f"Champions frozen at {FROZEN}, judged on {FROZEN} to {LAST}, which nothing had seen; intervals by household.",
        *(f"{one.target}: {one.business()}" for one in told),
        table(figures.read("quality")),
    ]
    found.show("Model quality", "\n".join(lines))


def table(rows: Sequence[Figure]) -> str:
    """Figures as aligned text."""
    cells = [list(HEADS), *(figures.cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEADS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )

"""The comparison as one HTML page: nothing loaded from anywhere, a small chart of the causes drawn in place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from proof.parity import cause, report
from proof.parity.comparing import Compared

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; } td, th { padding: .2rem .8rem; border-bottom: 1px solid #ddd; }
td { vertical-align: top; } th { text-align: left; } .n { text-align: right; } .loud { color: #b00; font-weight: bold; }
.quiet { color: #666; } text { font: 14px system-ui, sans-serif; }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The browser itself refuses whatever this page would load."""
LABEL, WIDTH, BAR = 380, 520, 24
NUMBERS = {"values", "mismatch", "missing", "extra", "count"}
TITLE = "Parity: every way to a value, compared"


def page(found: Sequence[Compared]) -> str:
    """The whole page."""
    parts = [f"<h1>{TITLE}</h1>", *_places(found), f"<p{_loud(found)}>{escape(report.verdict(found))}</p>"]
    if rows := report.causes(found):
        parts.append(f"<h2>Why values differ</h2>{chart(report.by_cause(found))}{_advice(report.by_part(found))}")
        parts.append("<p>Customer ids stand here as examples, one per line, and nowhere else: handle with care.</p>")
        cells = [[*(str(row[name]) for name in report.CAUSES[:-1]), report.example(row)] for row in rows]
        parts.append(_table(report.CAUSES, cells))
    parts.append("<h2>What was compared</h2><p>Values count where at least one side is not missing.</p>")
    parts.append(_table(report.GROUPS, report.groups(found)))
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"/><title>{TITLE}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"/><style>{STYLE}</style></head>'
    )
    return f"{head}<body>{''.join(parts)}</body></html>\n"


def chart(totals: dict[str, int]) -> str:
    """One bar per cause, as inline SVG."""
    most, height = max(totals.values()), BAR * len(totals) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LABEL + WIDTH + 120} {height}" role="img" '
        f'width="{LABEL + WIDTH + 120}" height="{height}"><title>Differing values by cause</title>'
    ]
    for i, (name, count) in enumerate(totals.items()):
        top, length = BAR * i + 4, max(2, round(WIDTH * count / most))
        colour = "#b00" if cause.UNEXPLAINED in name else "#47a"
        parts.append(
            f'<text x="{LABEL - 8}" y="{top + 16}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{LABEL}" y="{top}" width="{length}" height="{BAR - 6}" fill="{colour}"/>'
            f'<text x="{LABEL + length + 6}" y="{top + 16}">{count:,}</text>'
        )
    return "".join([*parts, "</svg>"])


def _places(found: Sequence[Compared]) -> Iterable[str]:
    for one in found:
        when = "what was served" if one.at is None else str(one.at)
        yield f"<p>{escape(f'{one.country}: {one.customers:,} customers, {when}')}</p>"
        yield from (f'<p class="loud">{escape(note)}</p>' for note in one.notes)


def _loud(found: Sequence[Compared]) -> str:
    return "" if report.holds(found) else ' class="loud"'


def _advice(causes: Iterable[str]) -> str:
    return _table(("cause", "what it means, what to do"), [(name, cause.ADVICE[name]) for name in causes])


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    kinds = ['<td class="n">' if name in NUMBERS else "<td>" for name in header]
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(
        "<tr>" + "".join(f"{kind}{escape(cell)}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"

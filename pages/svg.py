"""Pictures that are drawn as text (SVG): lines over dates, histograms and bars, for reports and for pages alike.

Colours are `currentColor` and two hues that stand out on light and on dark; names of classes let a style sheet change
them. Nothing in a picture has a style attribute, so that a strict content policy takes it. Every text is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from pages.page import Bars

WIDE, HIGH = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 84, 12, 14, 34
HUES = ("#3d7fc0", "#c9772b", "#4a9a5b", "#9a5bb0", "#888888")
TICKS = 4
ROW = 24
Shown = Callable[[float], str]
"""How a number is written."""


def lines(title: str, labels: Sequence[str], series: Mapping[str, Sequence[float | None]], shown: Shown) -> Markup:
    """Each series over the same labels; None leaves a gap. The axis begins at zero, or below where values are."""
    known = [value for values in series.values() for value in values if value is not None]
    if not known or not labels:
        return Markup("")
    low, high = min(0.0, *known), max(*known, 0.0) or 1.0
    places = [_across(number, len(labels)) for number in range(len(labels))]
    parts = [_axis(low, high, shown), _labels(labels, places)]
    for number, (name, values) in enumerate(series.items()):
        hue = HUES[number % len(HUES)]
        points = [(x, _up(value, low, high)) for x, value in zip(places, values, strict=True) if value is not None]
        parts += [_path(values, places, (low, high), hue)]
        parts += [_dot(x, y, hue) for x, y in points]
        parts.append(_key(name, number, hue, 26 if len(series) > 1 else 80))
    return _picture(title, HIGH + ROW, parts)


def histogram(title: str, edges: Sequence[float], counts: Sequence[int], shown: Shown) -> Markup:
    """Counts between edges (one more than counts), as bars beside each other."""
    if not counts:
        return Markup("")
    top, step = max(*counts, 1), (WIDE - LEFT - RIGHT) / len(counts)
    parts = [_axis(0, top, lambda value: f"{value:,.0f}")]
    for number, count in enumerate(counts):
        y = _up(count, 0, top)
        x, high = LEFT + number * step, HIGH - BOTTOM - y
        parts.append(
            _box(x + 1, y, max(step - 2, 1), high, f"{shown(edges[number])} – {shown(edges[number + 1])}: {count:,}")
        )
    ends = [edges[0], edges[len(counts) // 2], edges[-1]]
    places = [LEFT, LEFT + (len(counts) // 2) * step, WIDE - RIGHT]
    return _picture(title, HIGH, [*parts, _labels([shown(one) for one in ends], places)])


def bars(block: Bars) -> Markup:
    """A bar for each count, one below the other; those in `loud` stand out."""
    return _rows(block.title, block.counts, block.loud, block.length)


def shares(title: str, weights: Mapping[str, float], shown: Shown) -> Markup:
    """A bar for each weight between 0 and 1."""
    parts = []
    for number, (name, weight) in enumerate(weights.items()):
        y, long = ROW * number, round(max(min(weight, 1), 0) * (WIDE - 260))
        parts.append(_text(152, y + 17, name, "end"))
        parts.append(_box(160, y + 4, max(long, 1), 16, f"{name}: {shown(weight)}"))
        parts.append(_text(166 + max(long, 1), y + 17, shown(weight), "start"))
    return _picture(title, ROW * len(weights) + 8, parts)


def _rows(title: str, counts: Mapping[str, int], loud: Collection[str], length: Callable[[int], int]) -> Markup:
    parts = [Markup('<svg xmlns="http://www.w3.org/2000/svg" role="img" width="1020" height="{}">').format(
        ROW * len(counts) + 8), Markup("<title>{}</title>").format(title)]  # fmt: skip
    for number, (name, count) in enumerate(counts.items()):
        y, long = ROW * number, length(count)
        stands_out = Markup(' class="loud"') if name in loud else Markup("")
        parts.append(_text(372, y + 20, name, "end"))
        parts.append(Markup('<rect x="380" y="{}" width="{}" height="18"{}/>').format(y + 4, long, stands_out))
        parts.append(Markup('<text x="{}" y="{}">{}</text>').format(386 + long, y + 20, f"{count:,}"))
    return Markup("\n").join([*parts, Markup("</svg>")])


def _picture(title: str, high: int, parts: Sequence[Markup]) -> Markup:
    head = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" class="chart" viewBox="0 0 {} {}"><title>{}</title>'
    )
    return head.format(WIDE, high, title) + Markup("").join(parts) + Markup("</svg>")


def _across(number: int, count: int) -> float:
    span = WIDE - LEFT - RIGHT
    return LEFT + (span * number / (count - 1) if count > 1 else span / 2)


def _up(value: float, low: float, high: float) -> float:
    return TOP + (HIGH - TOP - BOTTOM) * (1 - (value - low) / (high - low))


def _axis(low: float, high: float, shown: Shown) -> Markup:
    parts = []
    for number in range(TICKS + 1):
        value = low + (high - low) * number / TICKS
        y = _up(value, low, high)
        line = Markup('<line x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}" stroke="currentColor" stroke-opacity=".2"/>')
        parts += [line.format(LEFT, WIDE - RIGHT, y, y), _text(LEFT - 6, y + 4, shown(value), "end")]
    return Markup("").join(parts)


def _labels(labels: Sequence[str], places: Sequence[float]) -> Markup:
    """As many as there is room for; the last one always."""
    step = max(1, -(-len(labels) // 7))
    kept = {len(labels) - 1 - number for number in range(0, len(labels), step)}
    anchors = {0: "start", len(labels) - 1: "end"} if len(labels) > 1 else {}
    return Markup("").join(
        _text(places[number], HIGH - BOTTOM + 18, labels[number], anchors.get(number, "middle"))
        for number in sorted(kept)
    )


def _path(values: Sequence[float | None], places: Sequence[float], bounds: tuple[float, float], hue: str) -> Markup:
    """One stroke for each run of values without a gap."""
    words, pen = list[str](), "M"
    for x, value in zip(places, values, strict=True):
        if value is not None:
            words.append(f"{pen}{x:.1f},{_up(value, *bounds):.1f}")
        pen = "M" if value is None else "L"
    return Markup('<path d="{}" fill="none" stroke="{}" stroke-width="2"/>').format(" ".join(words), hue)


def _dot(x: float, y: float, hue: str) -> Markup:
    return Markup('<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="{}"/>').format(x, y, hue)


def _key(name: str, number: int, hue: str, most: int) -> Markup:
    x = LEFT + number * 190
    mark = Markup('<rect x="{}" y="{}" width="10" height="10" fill="{}"/>').format(x, HIGH, hue)
    return mark + _text(x + 15, HIGH + 10, name if len(name) <= most else name[: most - 1] + "…", "start")


def _box(x: float, y: float, wide: float, high: float, said: str) -> Markup:
    head = Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"><title>{}</title></rect>')
    return head.format(x, y, wide, high, HUES[0], said)


def _text(x: float, y: float, said: str, anchor: str) -> Markup:
    head = Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" font-size="12" fill="currentColor">{}</text>')
    return head.format(x, y, anchor, escape(said))

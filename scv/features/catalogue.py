"""The catalogue: every variable in words, from the definitions themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scv.features import derived
from scv.features.derived import Derived
from scv.features.fetcher import RESERVED, Feature, Fetcher, collect
from scv.folds.fold import OPEN_WEEK, Fold, Window


def entries() -> list[dict[str, Any]]:
    """One dictionary per feature, derived ones last: name, sentence, unit, window, events, type and fingerprint."""
    read = [_entry(fetcher, feature) for fetcher in collect().values() for feature in fetcher.features]
    return read + [_derived_entry(one) for one in derived.collect().values()]


def _entry(fetcher: type[Fetcher], feature: Feature) -> dict[str, Any]:
    fold = feature.fold
    return {
        "name": feature.full_name,
        "fetcher": fetcher.name,
        "doc": fold.doc,
        "unit": fold.unit,
        "type": feature.dtype,
        "window": window_text(feature.window, fold),
        "fold": type(fold).__name__ + (f"({fold.field})" if fold.field else ""),
        "events": f"{fetcher.family}: {', '.join(fold.kinds) or 'all'}",
        "sayable": bool(fold.sayable),
        "fingerprint": feature.fingerprint,
    }


def _derived_entry(one: Derived) -> dict[str, Any]:
    """`fold` is its arithmetic, `events` what it is computed from."""
    return {
        "name": one.full_name,
        "fetcher": RESERVED,
        "doc": one.doc,
        "unit": "",
        "type": "float",
        "window": "",
        "fold": str(one.term),
        "events": ", ".join(one.inputs),
        "sayable": False,
        "fingerprint": one.fingerprint,
    }


def window_text(window: Window | None, fold: Fold) -> str:
    """What a feature reaches, in words.

    >>> from scv.folds import Count, GapMean, SkippedBoxes
    >>> [window_text(window, Count()) for window in (Window(14, 7), Window(28), OPEN_WEEK, None)]
    ['8 to 14 days back', 'last 28 days', 'open week', 'ever']
    >>> window_text(None, GapMean()), window_text(None, SkippedBoxes())
    ('last 399 days, or memory_days if more', 'ahead')
    """
    if window == OPEN_WEEK:
        return "open week"
    if window is not None:
        return f"{window.end + 1} to {window.start} days back" if window.end else f"last {window.start} days"
    if not fold.reach:
        return "ever"
    if fold.looks_ahead:
        return "ahead"
    return f"last {fold.reach} days" + (", or memory_days if more" if fold.remembers else "")


def markdown(sizes: Mapping[str, tuple[int, int]]) -> str:
    """The page `docs/features.md`; `sizes` are by fetcher the bytes of a heavy customer's row, in a country as it comes
    and in one that remembers four years."""
    lines = [
        "# The variables of the single customer view",
        "",
        "Written by `cerebro catalogue --write`; a test keeps it fresh. A window of N days at an instant reaches from",
        "the local midnight N days earlier to that instant. A customer without any event of a family has none of its",
        "values; with one, an empty window is 0 or missing, by fold. The open week are the seven delivery days from",
        "the first whose cut-off is still to come. Cents are the smallest unit of the country's currency: cents of",
        "EUR, yen of JPY, fils of KWD. Of two events of one instant the newest is told by what they say and when it",
        "was seen, never by an id ([decision 012](decisions/012-ties.md)).",
        "",
        "How far back a country remembers is its setting `memory_days` (1 to 3650): windows that name it reach so far",
        "where that is more than 399 days. No other window hangs on it, `ever` neither. A change is one of rows,",
        "snapshots and models: `cerebro rebuild`, then train. What it costs is said of each fetcher: the bytes of the",
        "row of a customer who orders three times a day and opens the app six times, after four years.",
    ]
    for fetcher in collect().values():
        lines += [
            "",
            f"## {fetcher.name}",
            "",
            f"{fetcher.doc} Topic family `{fetcher.family}`.",
            "",
            _size(*sizes[fetcher.name]),
            "",
        ]
        lines.append("| variable | meaning | window | fold | type | unit | may be said aloud |")
        lines.append("|---|---|---|---|---|---|---|")
        for entry in (_entry(fetcher, feature) for feature in fetcher.features):
            cells = [entry[column] for column in ("doc", "window", "fold", "type", "unit")]
            said = "yes" if entry["sayable"] else ""
            lines.append("| " + " | ".join([f"`{entry['name']}`", *cells, said]) + " |")
    lines += _derived_lines()
    return "\n".join(lines) + "\n"


def _derived_lines() -> list[str]:
    """The page's section about what is computed of others."""
    return [
        "",
        f"## {RESERVED}",
        "",
        "Computed row by row from variables that were read, by the same call in trainer and scorer, and by",
        "`cerebro fetch --derived`. Missing where one of its inputs is, and where it would divide by zero. Nothing is",
        "said aloud of them: a reason speaks of the first input.",
        "",
        "| variable | meaning | computed as |",
        "|---|---|---|",
        *(f"| `{one.full_name}` | {one.doc} | `{one.term}` |" for one in derived.collect().values()),
    ]


def _size(usual: int, four_years: int) -> str:
    more = f"; {four_years:,} with `memory_days = 1460`" if four_years != usual else ""
    return f"A heavy customer's row: {usual:,} bytes{more}."

"""What was compared, told: tables for a person, JSON for a machine, one page for whoever must mend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from pages.page import Bars, Block, Heading, Table, Text, page
from proof.parity.cause import ADVICE, JOINED, UNEXPLAINED
from proof.parity.tally import KINDS, Comparison
from scv import atomic
from terminal import listing

COUNTED = ("compared", *KINDS)
CAUSES = ("country", "way", "feature", "kind", "cause", "count", "customer", "batch", "found", "why")
"""The last four of an example."""
ADVISED = ("cause", "count", "what it means, what to do")
TITLE = "Parity: every way to a value, compared"
Row = dict[str, Any]


def features(found: Sequence[Comparison]) -> list[Row]:
    """One row per country, way and feature that has any value; a model's columns by target."""
    return [
        {"country": tally.country, **place._asdict(), **{name: counts[name] for name in COUNTED}}
        for tally in found
        for place, counts in sorted(tally.counts.items())
        if counts["compared"]
    ]


def causes(found: Sequence[Comparison]) -> list[Row]:
    """One row per country, way, feature, kind and cause, the most frequent first, with an example each."""
    rows = []
    for tally in found:
        for (place, kind, cause), finding in tally.findings.items():
            name = place.feature if place.feature.startswith(f"{place.group}__") else f"{place.group}: {place.feature}"
            one = finding.example
            told = (finding.count, one.customer, one.batch, one.found, finding.why)
            rows.append(dict(zip(CAUSES, (tally.country, place.way, name, kind, cause, *told), strict=True)))
    return sorted(rows, key=lambda row: -int(row["count"]))


def by_cause(found: Sequence[Comparison]) -> dict[str, int]:
    """How many values each cause touches, the most frequent first; what nobody can explain before all.

    A value with two causes counts in both.
    """
    totals: Counter[str] = Counter()
    for row in causes(found):
        totals.update(dict.fromkeys(row["cause"].split(JOINED), row["count"]))
    return dict(sorted(totals.items(), key=lambda one: (one[0] != UNEXPLAINED, -one[1])))


def groups(found: Sequence[Comparison]) -> list[Row]:
    """One row per country, way and fetcher or target."""
    totals: dict[str, Counter[str]] = {}
    for row in features(found):
        name = f"{row['country']} {row['way']}: {row['group']}"
        totals.setdefault(name, Counter()).update({each: row[each] for each in COUNTED})
    return [
        {
            "values of": name,
            **{each: f"{counts[each]:,}" for each in COUNTED},
            "verdict": "DIFFERS" if any(counts[kind] for kind in KINDS) else "ok",
        }
        for name, counts in totals.items()
    ]


def total(found: Sequence[Comparison]) -> dict[str, int]:
    """All of them together; `differing` and `unexplained` beside."""
    counts = {name: sum(row[name] for row in features(found)) for name in COUNTED}
    differing = sum(counts[kind] for kind in KINDS)
    return {**counts, "differing": differing, "unexplained": by_cause(found).get(UNEXPLAINED, 0)}


def holds(found: Sequence[Comparison]) -> bool:
    """Was anything compared, and did nothing differ?"""
    counts = total(found)
    return counts["compared"] > 0 and not counts["differing"]


def verdict(found: Sequence[Comparison]) -> str:
    counts = total(found)
    text = f"{counts['differing']:,} mismatches of {counts['compared']:,} compared values"
    if counts["differing"]:
        text += f", {counts['missing']:,} of them missing and {counts['extra']:,} extra"
    if counts["unexplained"]:
        text += f"; {counts['unexplained']:,} UNEXPLAINED: please report them"
    return f"{text}."


def show(found: Sequence[Comparison], machine: bool) -> None:
    """Data on stdout (as JSON: one line), the verdict on stderr."""
    rows = causes(found)
    if machine:
        names = ("country", "at", "customers", "notes")
        places = [{name: getattr(tally, name) for name in names} for tally in found]
        told = {**total(found), "countries": places, "causes": rows, "features": features(found)}
        click.echo(msgspec.json.encode(told).decode())
    else:
        listing.show(*_table(groups(found)))
        if rows:
            click.echo()
            listing.show(*_table(rows))
    for tally in found:
        for note in tally.notes:
            click.echo(f"{tally.country}: {note}", err=True)
    for name, count in by_cause(found).items():
        click.echo(f"{name} ({count:,} values): {ADVICE[name]}", err=True)
    click.echo(verdict(found), err=True)


def _table(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Columns, and the rows' cells."""
    return list(rows[0]) if rows else [], [[str(cell) for cell in row.values()] for row in rows]


def write_page(path: str, found: Sequence[Comparison]) -> None:
    """Replace the page whole."""
    atomic.write(Path(path).resolve(), page(TITLE, blocks(found)).encode())
    click.echo(f"Report: {path}", err=True)


def blocks(found: Sequence[Comparison]) -> Iterator[Block]:
    """The page: what the tables say, and a bar for each cause."""
    for tally in found:
        yield Text(f"{tally.country}: {tally.customers:,} customers, {tally.at or 'what was served'}")
        yield from (Text(note, "loud") for note in tally.notes)
    yield Text(verdict(found), "" if holds(found) else "loud")
    if totals := by_cause(found):
        yield Heading("Why values differ")
        yield Bars("Differing values by cause", totals, [UNEXPLAINED])
        yield Table([(name, count, ADVICE[name]) for name, count in totals.items()], ADVISED, ADVISED[2:])
        yield Text("Customer ids stand here as examples, one per line, and nowhere else: handle with care.")
        yield Table(_table(causes(found))[1], CAUSES, set(CAUSES) - {"count"})
    yield Heading("What was compared")
    yield Text("Values count where at least one side is not missing.")
    columns, cells = _table(groups(found))
    yield Table(cells, columns, ("verdict",))

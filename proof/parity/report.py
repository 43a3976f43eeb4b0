"""What was compared, told: tables for a person, JSON for a machine, one page for whoever must mend it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from proof.parity import cause
from proof.parity.comparing import Compared, unexplained
from proof.parity.tally import Counts, Tally
from terminal import listing

GROUPS = ("compared", "values", "mismatch", "missing", "extra", "verdict")
CAUSES = ("country", "way", "feature", "kind", "cause", "count", "example")


def holds(found: Sequence[Compared]) -> bool:
    """Was anything compared, and did nothing differ?"""
    total = total_of(found)
    return total.compared > 0 and not total.differing


def total_of(found: Sequence[Compared]) -> Counts:
    total = Counts()
    for one in found:
        for tally in one.tallies:
            total.add(tally.total)
    return total


def features(found: Sequence[Compared]) -> Iterator[dict[str, Any]]:
    """One row per country, way and feature that has any value."""
    for one in found:
        for tally in one.tallies:
            for (group, feature), counts in sorted(tally.counts.items()):
                if counts.compared:
                    name = {"country": one.country, "way": tally.way, "feature": name_of(group, feature)}
                    yield name | _numbers(counts)


def causes(found: Sequence[Compared]) -> list[dict[str, Any]]:
    """One row per country, way, feature, kind and cause, the most frequent first, with an example each."""
    rows = [row for one in found for tally in one.tallies for row in _causes(one.country, tally)]
    return sorted(rows, key=lambda row: -int(row["count"]))


def by_cause(found: Sequence[Compared]) -> dict[str, int]:
    """How many values differ for which cause, the most frequent first; what nobody can explain before all."""
    totals: dict[str, int] = {}
    for row in causes(found):
        totals[row["cause"]] = totals.get(row["cause"], 0) + row["count"]
    return dict(sorted(totals.items(), key=lambda one: (cause.UNEXPLAINED not in one[0], -one[1])))


def by_part(found: Sequence[Compared]) -> dict[str, int]:
    """The same for each cause alone: a value with two causes counts in both."""
    totals: dict[str, int] = {}
    for name, count in by_cause(found).items():
        for part in name.split(cause.JOINED):
            totals[part] = totals.get(part, 0) + count
    return totals


def name_of(group: str, feature: str) -> str:
    """A feature's full name; a model's column with its target.

    >>> name_of("orders", "a__b"), name_of("lapse vector", "a__b"), name_of("lapse probability", "")
    ('a__b', 'lapse: a__b', 'lapse')
    """
    target, _, part = group.partition(" ")
    if not part:
        return feature
    return target if part == "probability" else f"{target}: {feature}"


def _causes(country: str, tally: Tally) -> Iterator[dict[str, Any]]:
    for (group, feature, kind, why), finding in tally.findings.items():
        one = finding.example.difference
        yield {
            "country": country,
            "way": tally.way,
            "feature": name_of(group, feature),
            "kind": kind,
            "cause": why,
            "count": finding.count,
            "example": {
                "customer": one.customer, "batch": one.batch, "found": one.found, "why": finding.example.why,
            },
        }  # fmt: skip


def as_json(found: Sequence[Compared]) -> dict[str, Any]:
    """Everything, the rows of the tables among it."""
    return _numbers(total_of(found)) | {
        "unexplained": sum(unexplained(one.tallies) for one in found),
        "countries": [_place(one) for one in found],
        "causes": causes(found),
        "features": list(features(found)),
    }


def _place(one: Compared) -> dict[str, Any]:
    at = None if one.at is None else one.at.isoformat()
    return {"country": one.country, "at": at, "customers": one.customers, "notes": one.notes}


def show(found: Sequence[Compared], machine: bool) -> None:
    """Data on stdout, the verdict on stderr."""
    if machine:
        click.echo(json.dumps(as_json(found), indent=1))
    else:
        listing.show(GROUPS, groups(found))
        if rows := causes(found):
            click.echo()
            listing.show(CAUSES, [[*(row[name] for name in CAUSES[:-1]), example(row)] for row in rows])
    for one in found:
        for note in one.notes:
            click.echo(f"{one.country}: {note}", err=True)
    for name, count in by_part(found).items():
        click.echo(f"{name} ({count:,} values): {cause.ADVICE[name]}", err=True)
    click.echo(verdict(found), err=True)


def groups(found: Sequence[Compared]) -> list[list[str]]:
    """One row per country, way and fetcher (or part of a model)."""
    return [
        [
            f"{one.country} {tally.way.removesuffix(' vector').removesuffix(' probability')}: {group}",
            *(f"{value:,}" for value in _numbers(counts).values()),
            "DIFFERS" if counts.differing else "ok",
        ]
        for one in found
        for tally in one.tallies
        for group, counts in tally.groups()
    ]


def example(row: dict[str, Any]) -> str:
    """One customer's values, and what was found out about them."""
    one = row["example"]
    return f"{one['customer']}: batch {one['batch']!r}, {row['way']} {one['found']!r}; {one['why']}"


def verdict(found: Sequence[Compared]) -> str:
    total, nobody = total_of(found), sum(unexplained(one.tallies) for one in found)
    text = f"{total.differing:,} mismatches of {total.compared:,} compared values"
    if total.differing:
        text += f", {total.missing:,} of them missing and {total.extra:,} extra"
    if nobody:
        text += f"; {nobody:,} UNEXPLAINED: please report them"
    return f"{text}."


def write_page(path: str, found: Sequence[Compared]) -> None:
    """Replace the page whole."""
    from proof.parity.page import page
    from scv import atomic as whole

    whole.write(Path(path).resolve(), page(found).encode())
    click.echo(f"Report: {path}", err=True)


def _numbers(counts: Counts) -> dict[str, int]:
    return {
        "compared": counts.compared, "mismatch": counts.mismatch, "missing": counts.missing, "extra": counts.extra,
    }  # fmt: skip

"""Say why probabilities moved between two published Tuesdays: what customers did, another model, or corrections."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from terminal import listing

if TYPE_CHECKING:
    from scorer.tuesday.movement import Movement

COLUMNS, CUSTOMERS = 10, 10
"""So many stand in a table."""


@click.command()
@click.argument("code", metavar="COUNTRY")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--target", "names", multiple=True, help="Only this target; may be repeated. Default: all of both weeks.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Also write a page with pictures there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def command(code: str, first: str, second: str, names: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    """Compare the published weeks A and B (local Tuesdays) of COUNTRY, customer by customer.

    Each change of a probability is split into steps that add up to it: corrections (the rows of A as they are known
    today), what customers did between A and B by the model of A, the model of B instead, and corrections of B.
    Columns are told by how much what they add to the logit moved; of both models, every difference.

    \b
    Example:
      cerebro why-changed US 2017-09-05 2017-09-12
      cerebro why-changed US 2017-09-05 2017-09-12 --target lapse --out why.html
    """
    from scorer.tuesday.movement import movements
    from scv import atomic
    from scv import settings as known
    from scv.errors import UserError
    from scv.targets import target
    from terminal.arguments import the_countries, the_references

    settings = known.load()
    (country,) = the_countries([code], settings)
    (a,), (b,) = (the_references([date], country, settings) for date in (first, second))
    if a >= b:
        raise UserError(f"{first} does not lie before {second}: name the earlier Tuesday first.")
    chosen = [target.get(name).name for name in dict.fromkeys(names)]
    found = list(movements(settings, country, a, b, chosen))
    if not found:
        raise UserError(f"No target of {code} was answered in both weeks: there is nothing to compare.")
    if as_json:
        click.echo(json.dumps([_fields(one) for one in found], indent=2))
    else:
        for one in found:
            _tell(one)
    if out:
        atomic.write(out, _page(code, found).encode())
        click.echo(str(out), err=as_json)


def _tell(found: Movement) -> None:
    click.echo(_sentence(found))
    listing.show(("step", "mean change", "share of all movement"), _steps(found))
    listing.show(("column", "mean change of what it adds to the logit"), _columns(found))
    listing.show(("customer", found.dates[0], found.dates[1], "change", "mostly"), _customers(found))
    if found.differences:
        listing.show(("of models and definitions", found.dates[0], found.dates[1]), found.differences)
    click.echo()


def _sentence(found: Movement) -> str:
    mean = float((found.after - found.before).mean()) if len(found.customers) else 0.0
    moved = f"{found.target}: {len(found.customers):,} customers scored in both weeks, on average {mean:+.4f}"
    others = "; ".join(
        f"{sum(counts.values()):,} {what} ({', '.join(f'{count:,} {status}' for status, count in counts.items())})"
        for what, counts in (("scored no more", found.gone), ("new", found.come))
        if counts
    )
    return f"{moved}. {others}." if others else f"{moved}."


def _steps(found: Movement) -> list[tuple[str, str, str]]:
    shares = found.shares
    return [
        (name, f"{change.mean() if len(change) else 0.0:+.4f}", f"{shares[name]:.0%}")
        for name, change in found.steps.items()
    ]


def _columns(found: Movement) -> list[tuple[str, str]]:
    return [(name, f"{size:.4f}") for name, size in list(found.by_column.items())[:COLUMNS] if size > 0]


def _customers(found: Movement) -> list[tuple[str, str, str, str, str]]:
    return [
        (
            found.customers[i], f"{found.before[i]:.4f}", f"{found.after[i]:.4f}",
            f"{found.after[i] - found.before[i]:+.4f}", found.cause(i),
        )
        for i in found.most_moved(CUSTOMERS)
    ]  # fmt: skip


def _fields(found: Movement) -> dict[str, Any]:
    return {
        "target": found.target,
        "dates": found.dates,
        "models": found.models,
        "customers": len(found.customers),
        "steps": {name: {"mean": float(c.mean()), "share": found.shares[name]} for name, c in found.steps.items()},
        "columns": found.by_column,
        "gone": found.gone,
        "come": found.come,
        "differences": found.differences,
        "moved": [
            {
                "customer_id": found.customers[i], "before": float(found.before[i]), "after": float(found.after[i]),
                "steps": {name: float(change[i]) for name, change in found.steps.items()}, "mostly": found.cause(i),
            }
            for i in found.most_moved(CUSTOMERS)
        ],
    }  # fmt: skip


def _page(code: str, found: list[Movement]) -> str:
    from pages import curves
    from pages.page import Block, Heading, Table, Text, page

    blocks: list[Block] = []
    for one in found:
        sizes = {name: float(abs(change).mean()) if len(change) else 0.0 for name, change in one.steps.items()}
        picture = curves.draw(
            f"{one.target}: steps, columns",
            curves.bars("Steps", "mean absolute change of a probability", sizes),
            curves.bars("Columns, by the first week's model", "mean absolute change of a logit", one.by_column),
        )
        blocks += [Heading(one.target), Text(_sentence(one), "first"), picture]
        blocks.append(Table(_steps(one), ("step", "mean change", "share of all movement")))
        blocks.append(Table(_customers(one), ("customer", *one.dates, "change", "mostly"), ("mostly",)))
        if one.differences:
            blocks.append(Table(one.differences, ("of models and definitions", *one.dates), one.dates))
    return page(f"Why did it change? {code}, {found[0].dates[0]} to {found[0].dates[1]}", blocks)

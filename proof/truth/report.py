"""`cerebro simulate --report`: print how good the truth is, and how far below it the champion stays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from proof import figures
from proof.truth import judgement, page, rows
from proof.world.world import World
from scv import atomic as whole
from scv.settings import Settings
from terminal import listing

FIGURES = "truth"


def report(
    settings: Settings, worlds: Sequence[World], sample: int, target: Path, as_json: bool, say: rows.Say
) -> None:
    """Judge each country's world, write the page and HOME/figures/truth.json, print the table (or JSON) on stdout."""
    judged = []
    for world in worlds:
        for found in rows.collect(settings, world, sample, say):
            judged.append((found, judgement.judge(found)))
    told = [figure for found, slices in judged for figure in judgement.figures_of(found, slices)]
    figures.write(FIGURES, told, settings.home_path / "figures")
    whole.write(target, page.page(judged, _about(worlds)).encode())
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(told), indent=1))
    else:
        listing.show(page.COLUMNS, [line for found, slices in judged for line in page.lines(found, slices)])
    for found, slices in judged:
        if not slices:
            name = f"{found.country.code} {found.target.name}"
            click.echo(f"{name}: {int(found.y.sum())} positives of {len(found)} rows are too few.", err=True)
    click.echo(f"Report: {target}", err=True)


def _about(worlds: Sequence[World]) -> str:
    codes = ", ".join(world.country.code for world in worlds)
    one = worlds[0]
    return f"{one.customers:,} customers of each of {codes}, {one.weeks} weeks to {one.ends_on}, seed {one.seed}."

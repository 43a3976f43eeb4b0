"""`make parity`: compare batch, rows, Feast, scorer and labels with the oracle, millions of values long."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import click

from proof import figures
from proof.figures import Figure
from proof.naive import census, world
from proof.naive.sides import ParityTally
from scv.features import fetcher
from scv.targets.target import TARGETS
from terminal import listing
from terminal.bar import Bar
from tests.parity import long
from tests.parity.long import Limits

LEAST, LEAST_EACH, MOST_MINUTES = 5_000_000, 1_000, 18
SHOWN = 20


@click.command(epilog="Example: python -m tests.parity --minutes 10 --jobs 2 --seed 1")
@click.option("--minutes", type=click.FloatRange(0, 600), default=10, show_default=True, help="How long, if enough.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=os.cpu_count() or 2, show_default="cores", help="Processes."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Which worlds.")
@click.option("--figures", "folder", type=click.Path(path_type=Path), default=figures.FOLDER, show_default=True)
def main(minutes: float, jobs: int, seed: int, folder: Path) -> None:
    """Compare every way to a value with the oracle on as many dirty worlds as the time allows.

    A slow machine gets up to 18 minutes to come to 5 million values. Exit code 1 at any mismatch, under 5 million
    values, with a fetcher or target under 1,000, or where a kind of special instant or dirt was never met.
    """
    begun, planned = time.monotonic(), round(minutes * 60)
    with Bar("Comparing (s)") as bar:

        def heard(_: ParityTally, gone: float) -> None:
            bar.at(round(gone), max(planned, round(gone)))

        limits = Limits(minutes, max(minutes, MOST_MINUTES), LEAST)
        tally, worlds = long.climb(long.plan(seed), limits, jobs, heard)
    rows, met = list(rows_of(tally)), list(census_rows(tally))
    figures.write("parity_proof", [*rows, *met], folder)
    listing.show(("compared with the oracle", "mismatches", "values", "verdict"), [_cells(row) for row in rows])
    for text in [*tally.wrong[:SHOWN], *(f"Never {row.name}, {row.unit}" for row in met if row.ok is False)]:
        click.echo(text, err=True)
    total, wrong = tally.compared.total(), tally.mismatches.total()
    took = time.monotonic() - begun
    click.echo(
        f"{wrong} mismatches of {total:,} compared values; {worlds} worlds in {took / 60:.1f} minutes.", err=True
    )
    sys.exit(any(row.ok is False for row in (*rows, *met)))


def rows_of(tally: ParityTally) -> Iterator[Figure]:
    """The total, then every fetcher and target: mismatches as ours, compared values as peer."""
    yield _row("all", tally.mismatches.total(), tally.compared.total(), LEAST)
    needed = [*fetcher.collect(), *(f"target {name}: {what}" for name in TARGETS for what in ("population", "label"))]
    for name in [*needed, *sorted((tally.compared.keys() | tally.mismatches.keys()) - set(needed))]:
        yield _row(name, tally.mismatches[name], tally.compared[name], LEAST_EACH if name in needed else 1)


def _row(name: str, wrong: int, compared: int, least: int) -> Figure:
    bar = f"0 mismatches, at least {least:,} compared"
    return Figure(name=name, ours=wrong, peer=compared, unit="values", bar=bar, ok=wrong == 0 and compared >= least)


def census_rows(tally: ParityTally) -> Iterator[Figure]:
    """How often special instants and dirt were met: in all zones together, and in the zone with the fewest."""
    zones = {key.partition(": ")[0] for key in tally.census if "/" in key.partition(": ")[0]}
    for side, name in [*product(("batch at ", "row at "), census.INSTANTS), *(("", name) for name in census.DIRT)]:
        where = [zone for zone in zones if name not in census.CHANGES or world.clock_changes(world.country(zone))]
        met = {zone: tally.census[f"{zone}: {side}{name}"] for zone in sorted(where)}
        fewest = min(met, key=lambda zone: met[zone], default="anywhere")
        least, unit = met.get(fewest, 0), f"(fewest: {fewest})"
        yield Figure(name=f"met: {side}{name}", ours=sum(met.values()), peer=least, unit=unit, bar="> 0", ok=least > 0)
    for name in sorted(key for key in tally.census if key.partition(": ")[0] not in zones):
        yield Figure(name=f"met: {name}", ours=tally.census[name])


def _cells(row: Figure) -> list[object]:
    return [row.name, row.ours, row.peer, "ok" if row.ok else "FAILS"]


if __name__ == "__main__":
    main()

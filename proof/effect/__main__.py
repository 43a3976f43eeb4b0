"""A hundred worlds and more in which the effect of contact is known: does the feedback page find it, and only there?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
import numpy as np

from proof import figures
from proof.effect.campaign import WEEKS, ListedRows, nobody, rows
from proof.effect.hindsight import hindsight
from proof.effect.saved import saved, worth
from proof.figures import Figure
from proof.world.world import World
from scorer.feedback.outcomes import first_listed
from scorer.feedback.validation import SURE, HeldOut, held_out
from scv.events import country
from terminal import listing

NAME = "effect"
COLUMNS = ("what", "ours", "peer", "ratio", "bar", "verdict")
COVERED = (0.90, 0.99)
CLAIMS = 0.07
NAIVE = 0.5
"""A comparison that is wrong misses more often than it hits."""


One = TypeVar("One")


@dataclass(frozen=True)
class Season:
    """One world: what the page says with and without an effect, what calls changed (by twins); what a comparison of all
    rows by assignment says, and one of the reached with the others, with its standard error."""

    said: HeldOut
    nothing: HeldOut
    true: float
    every_row: float
    naive: tuple[float, float]


@click.command(epilog="Example: python -m proof.effect --worlds 20")
@click.option("--worlds", type=int, default=400, show_default=True)
@click.option("--customers", type=int, default=4000, show_default=True)
@click.option("--workers", type=int, default=2, show_default=True)
@click.option("--figures", "folder", type=click.Path(path_type=Path), default=figures.FOLDER, show_default=True)
def main(worlds: int, customers: int, workers: int, folder: Path) -> None:
    """Judge a season of lists in each world; the table on stdout says how often the interval holds the truth."""
    with ProcessPoolExecutor(workers) as pool:
        seasons = list(_watched(pool.map(season, range(1, worlds + 1), [customers] * worlds), worlds, "worlds"))
        half = max(worlds // 10, 2)
        calls = list(_watched(pool.map(saved, range(1, half + 1), [customers] * half), half, "companies"))
    figures.write(NAME, [*judged(seasons), *worth(calls)], folder)
    found = figures.read(NAME, folder)
    listing.show(COLUMNS, [figures.cells(row) for row in found])
    raise SystemExit(any(row.ok is False for row in found))


def _watched(found: Iterable[One], count: int, what: str) -> Iterator[One]:
    """The same, with a line on stderr for every tenth."""
    for done, one in enumerate(found, 1):
        yield one
        if done % 10 == 0:
            click.echo(f"{done} of {count} {what}", err=True)


def season(seed: int, customers: int) -> Season:
    """One world, lived four times: by lot, by lot with calls that do nothing, with everybody called, with nobody."""
    world = World(country.load("ZZ"), customers, WEEKS, seed)
    lot = rows(world)
    said, nothing = (held_out(hindsight(one)) for one in (lot, rows(world, works=nobody)))
    assert said is not None and nothing is not None
    called, held = (_first(rows(world, arm)) for arm in ("everybody called", "everybody held out"))
    both = called.keys() & held.keys()
    true = float(np.mean([called[one] - held[one] for one in both]))
    return Season(said, nothing, true, float(lot.y[~lot.held_out].mean() - lot.y[lot.held_out].mean()), naive(lot))


def _first(found: ListedRows) -> dict[tuple[int, int], float]:
    """(customer, first Tuesday on the list) → outcome; up to then both arms of a world are the same life."""
    first = first_listed(hindsight(found))
    keys = zip(found.customers[first].tolist(), found.week[first].tolist(), strict=True)
    return dict(zip(keys, found.y[first].tolist(), strict=True))


def naive(found: ListedRows) -> tuple[float, float]:
    """The rate of the reached less that of the others who were called, and its standard error."""
    one, other = found.y[found.reached], found.y[found.called & ~found.reached]
    return float(one.mean() - other.mean()), float(np.sqrt(one.var() / len(one) + other.var() / len(other)))


def judged(seasons: list[Season]) -> Iterator[Figure]:
    """What each way of comparing finds, how often its interval holds the true effect, and how often one is claimed that
    is none."""
    true, worlds = float(np.mean([one.true for one in seasons])), f"of {len(seasons)} worlds"
    yield Figure(name="the true effect of a call on cancellation, by twins", ours=round(true, 4), unit="probability")
    for what, found in {
        "effect by assignment, once a season": [one.said.effect.value for one in seasons],
        "by assignment, of all rows": [one.every_row for one in seasons],
        "reached against not reached": [one.naive[0] for one in seasons],
    }.items():
        mean = float(np.mean(found))
        yield Figure(name=f"{what}, mean over worlds", ours=round(mean, 4), peer=round(true, 4), ratio=mean / true)
    smallest = float(np.median([one.said.smallest for one in seasons]))
    yield Figure(
        name="the smallest effect that a season could show, median", ours=round(smallest, 4), unit="probability"
    )
    low, high = COVERED
    for what, hits, bar in (
        ("worlds whose 95 % interval holds the true effect",
         [one.said.effect.low <= true <= one.said.effect.high for one in seasons], (low, high)),
        ("worlds in which an effect is claimed that is none",
         [not one.nothing.effect.low <= 0 <= one.nothing.effect.high for one in seasons], (0.0, CLAIMS)),
        ("worlds whose interval of reached against not reached holds it",
         [abs(one.naive[0] - true) <= SURE * one.naive[1] for one in seasons], (0.0, NAIVE)),
    ):  # fmt: skip
        share = float(np.mean(hits))
        yield Figure(
            name=what, ours=round(share, 3), unit=worlds, bar=f"{bar[0]:.0%} to {bar[1]:.0%}",
            ok=bar[0] <= share <= bar[1],
        )  # fmt: skip


if __name__ == "__main__":
    main(prog_name="python -m proof.effect")

"""A hundred worlds and more in which the effect of contact is known: does the feedback page find it, and only there?"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from proof import figures
from proof.effect.campaign import WEEKS, ListedRows, rows
from proof.figures import Figure
from proof.world.world import World
from scorer.feedback.outcomes import Hindsight
from scorer.feedback.validation import HeldOut, first_listed, held_out
from scv.events import country
from scv.targets import target
from terminal import listing

NAME = "effect"
COLUMNS = ("what", "ours", "peer", "ratio", "bar", "verdict")
COVERED = (0.90, 0.99)
CLAIMS = 0.07
SURE = 1.96


@dataclass(frozen=True)
class Season:
    """One world: what the page says with and without an effect, what calls changed (by twins), and what a comparison
    of the reached with the others says, with its interval."""

    said: HeldOut
    nothing: HeldOut
    true: float
    naive: tuple[float, float]


@click.command(epilog="Example: python -m proof.effect --worlds 20")
@click.option("--worlds", type=int, default=120, show_default=True)
@click.option("--customers", type=int, default=4000, show_default=True)
@click.option("--workers", type=int, default=2, show_default=True)
@click.option("--figures", "folder", type=click.Path(path_type=Path), default=figures.FOLDER, show_default=True)
def main(worlds: int, customers: int, workers: int, folder: Path) -> None:
    """Judge a season of lists in each world; the table on stdout says how often the interval holds the truth."""
    with ProcessPoolExecutor(workers) as pool:
        seasons = []
        for done, one in enumerate(pool.map(season, range(1, worlds + 1), [customers] * worlds), 1):
            seasons.append(one)
            if done % 10 == 0:
                click.echo(f"{done} of {worlds} worlds", err=True)
    figures.write(NAME, list(judged(seasons)), folder)
    found = figures.read(NAME, folder)
    listing.show(COLUMNS, [figures.cells(row) for row in found])
    raise SystemExit(any(row.ok is False for row in found))


def season(seed: int, customers: int) -> Season:
    """One world, lived four times: by lot, by lot with calls that do nothing, with everybody called, with nobody."""
    world = World(country.load("ZZ"), customers, WEEKS, seed)
    lot = rows(world)
    said, nothing = (held_out(hindsight(one)) for one in (lot, rows(world, works=False)))
    assert said is not None and nothing is not None
    called, held = (_first(rows(world, arm)) for arm in ("everybody called", "everybody held out"))
    both = called.keys() & held.keys()
    true = float(np.mean([called[one] - held[one] for one in both]))
    return Season(said, nothing, true, naive(lot))


def _first(found: ListedRows) -> dict[tuple[int, int], float]:
    """(customer, first Tuesday on the list) → outcome; up to then both arms of a world are the same life."""
    first = first_listed(hindsight(found))
    keys = zip(found.customers[first].tolist(), found.week[first].tolist(), strict=True)
    return dict(zip(keys, found.y[first].tolist(), strict=True))


def hindsight(found: ListedRows) -> Hindsight:
    """The rows as the feedback page sees those of published weeks."""
    n = len(found.y)
    weeks = sorted(set(found.week.tolist()))
    return Hindsight(
        target=target.get("cancellation"), dates=[str(week) for week in weeks], waiting=[],
        customers=found.customers.astype(str), week=found.week, season=np.zeros(n, dtype=np.int64), y=found.y,
        p=np.full(n, np.nan), phase=np.full(n, "established", dtype=object),
        status=np.where(found.held_out, "HELD_OUT", "LISTED").astype(object), would_list=np.ones(n, dtype=bool),
        recency=np.zeros(n), contacted=found.called, removed={}, outcomes={},
    )  # fmt: skip


def naive(found: ListedRows) -> tuple[float, float]:
    """The rate of the reached less that of the others who were called, and its standard error."""
    one, other = found.y[found.reached], found.y[found.called & ~found.reached]
    return float(one.mean() - other.mean()), float(np.sqrt(one.var() / len(one) + other.var() / len(other)))


def judged(seasons: list[Season]) -> Iterator[Figure]:
    """How often the interval holds the true effect, with an effect and without one, and what the naive one does."""
    true = float(np.mean([one.true for one in seasons]))
    held = [one.said.effect.low <= true <= one.said.effect.high for one in seasons]
    claims = [not one.nothing.effect.low <= 0 <= one.nothing.effect.high for one in seasons]
    naive_held = [abs(one.naive[0] - true) <= SURE * one.naive[1] for one in seasons]
    worlds = f"of {len(seasons)} worlds"
    yield Figure(name="the true effect of a call on cancellation, by twins", ours=round(true, 4), unit="probability")
    mean = float(np.mean([one.said.effect.value for one in seasons]))
    yield Figure(
        name="effect by assignment, mean over worlds", ours=round(mean, 4), peer=round(true, 4), ratio=mean / true
    )
    share, low, high = float(np.mean(held)), *COVERED
    yield Figure(
        name="worlds whose 95 % interval holds the true effect", ours=round(share, 3), unit=worlds,
        bar=f"{low:.0%} to {high:.0%}", ok=low <= share <= high,
    )  # fmt: skip
    share = float(np.mean(claims))
    yield Figure(
        name="worlds in which an effect is claimed that is none", ours=round(share, 3), unit=worlds,
        bar=f"≤ {CLAIMS:.0%}", ok=share <= CLAIMS,
    )  # fmt: skip
    smallest = float(np.median([one.said.smallest for one in seasons]))
    yield Figure(
        name="the smallest effect that a season could show, median", ours=round(smallest, 4), unit="probability"
    )
    share = float(np.mean(naive_held))
    mean = float(np.mean([one.naive[0] for one in seasons]))
    yield Figure(
        name="reached against not reached, mean over worlds",
        ours=round(mean, 4),
        peer=round(true, 4),
        ratio=mean / true,
    )
    yield Figure(
        name="worlds whose naive interval holds the true effect", ours=round(share, 3), unit=worlds,
        bar="shown to be wrong: below 50 %", ok=share < 0.5,
    )  # fmt: skip


if __name__ == "__main__":
    main(prog_name="python -m proof.effect")

"""Candidates beside ours at past origins of every shop: build/figures/candidates.json, and the table of that file."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import click
import msgspec
import numpy as np

from bench.candidates import known as origin
from bench.candidates.hazard import Hazards, is_an_event
from bench.candidates.known import Fit, Foretold
from bench.candidates.method import METHODS, beta, default
from bench.candidates.pool import Pool, small_ones
from bench.quality.shop import shops
from bench.world import FULL, World, say
from proof import figures
from proof.figures import Figure
from scv.errors import CerebroError
from scv.model.calibration import sigmoid
from scv.model.metrics import log_loss
from scv.targets import target
from terminal import listing
from trainer import past
from trainer.dataset import TrainingSet
from trainer.fit import platt
from trainer.splits import origins

NAME = "candidates"
COLUMNS = ("set, task, candidate", "log loss", "ours", "ratio", "bar", "verdict")
SEEDS = (7, 8)
MOST_ROWS = 40_000
POOLS = (("simulated, seed 8", "simulated, seed 7"), ("completejourney", "CDNOW"))
"""A small part of the first, beside all of the second."""
Losses = Mapping[str, Sequence[float]]
"""Candidate → log loss at each origin."""


@click.command(epilog="Example: python -m bench.candidates --only CDNOW")
@click.option("--only", multiple=True, help="Only this set; may be repeated.")
@click.option("--customers", type=int, default=2000, show_default=True, help="Of each simulated set.")
@click.option("--weeks", type=int, default=60, show_default=True, help="Of each simulated set.")
@click.option("--threads", type=int, default=2, show_default=True)
@click.option("--figures", "folder", type=click.Path(path_type=Path), default=figures.FOLDER, show_default=True)
def main(only: tuple[str, ...], customers: int, weeks: int, threads: int, folder: Path) -> None:
    """Fit every candidate at every origin, as `cerebro train` would have, and say by how much it is better or worse.

    The small default recipe is ours; the mean over the origins stands with its standard error between them.
    """
    warnings.filterwarnings("ignore")  # of packages, about what they will change
    found, rows = list[Figure](), dict[str, dict[str, TrainingSet]]()
    known = shops(customers, weeks, SEEDS)
    try:
        with World(FULL) as world, ThreadPoolExecutor(threads) as pool:
            for name in only or known:
                rows[name] = {}
                for task, kept, losses in _tried(world, name, known[name], pool):
                    rows[name][task] = kept
                    found += compared(f"{name}: {task}", losses)
                    figures.write(NAME, found, folder)  # what is known stays, whatever becomes of the next
            for small, big in POOLS:
                for task in rows.get(small, {}).keys() & rows.get(big, {}).keys():
                    losses = _pooled(rows[big][task], rows[small][task], pool)
                    found += compared(f"a small part of {small} beside {big}: {task}", losses)
    except CerebroError as error:
        raise click.ClickException(str(error)) from error
    figures.write(NAME, [*found, *told(found)], folder)
    listing.show(COLUMNS, [figures.cells(row) for row in figures.read(NAME, folder)])


def _tried(world, name, shop, pool) -> Iterator[tuple[str, TrainingSet, Losses]]:  # type: ignore[no-untyped-def]
    with shop.opened(world, name.replace(", ", "-").replace(" ", "-")) as (settings, country, span):
        settings, targets = msgspec.structs.replace(settings, train_rows=MOST_ROWS), target.of_country(country)
        with past.read(settings, country, targets, span.known) as before:
            for one in targets:
                rows = before.rows(one)
                methods = METHODS | (Hazards.of(before, rows).fits if is_an_event(one) else {})
                say(f"{name}: {one.name}, {len(rows):,} rows, {len(origins(rows))} origins …")
                yield one.name, rows, _losses(rows, methods, pool, calibrated=True)


def _losses(
    rows: TrainingSet, methods: Mapping[str, Fit], pool: ThreadPoolExecutor, calibrated: bool = False
) -> Losses:
    """Log loss at each origin, of ours and of every candidate."""
    asked = {"ours": default, **methods}
    found = {name: list(pool.map(partial(origin.foretell, fit, rows), origins(rows))) for name, fit in asked.items()}
    losses = {name: [log_loss(one.rows.y, said(one)) for one in told] for name, told in found.items()}
    if calibrated:
        losses["beta calibration"] = [
            log_loss(one.rows.y, sigmoid(beta(one.past_z, one.past.y)(one.z))) for one in found["ours"]
        ]
    return losses


def said(told: Foretold) -> np.ndarray:
    """Probabilities, calibrated on what was known."""
    return platt(told.past_z, told.past.y)(told.z)


def _pooled(big: TrainingSet, small: TrainingSet, pool: ThreadPoolExecutor) -> Losses:
    every: dict[str, list[float]] = {}
    methods = Pool.beside(big, small).fits
    for part in small_ones(small):
        for name, losses in _losses(part, methods, pool).items():
            every.setdefault(name, []).extend(losses)
    return every


def compared(name: str, losses: Losses) -> Iterator[Figure]:
    """A row a candidate: its mean log loss beside ours, and the mean difference with its standard error."""
    ours = np.array(losses["ours"])
    for candidate, values in losses.items():
        gains = np.array(values) - ours
        if candidate == "ours" or len(ours) < 2:
            continue
        error = gains.std(ddof=1) / np.sqrt(len(gains))
        verdict = "helps" if gains.mean() + 2 * error < 0 else "harms" if gains.mean() - 2 * error > 0 else "no matter"
        yield Figure(
            name=f"{name}: {candidate}", ours=round(float(np.mean(values)), 5), peer=round(float(ours.mean()), 5),
            ratio=float(np.mean(values) / ours.mean()),
            bar=f"{verdict}: {gains.mean():+.4f} ± {error:.4f} over {len(ours)} origins",
        )  # fmt: skip


def told(found: Sequence[Figure]) -> Iterator[Figure]:
    """Of each candidate on how many tasks it surely helps and harms."""
    by: dict[str, list[str]] = {}
    for row in found:
        by.setdefault(row.name.rpartition(": ")[2], []).append(row.bar.partition(":")[0])
    for candidate, verdicts in by.items():
        helps, harms = verdicts.count("helps"), verdicts.count("harms")
        yield Figure(name=f"all: {candidate}", ours=f"helps on {helps}, harms on {harms} of {len(verdicts)}")


if __name__ == "__main__":
    main(prog_name="python -m bench.candidates")

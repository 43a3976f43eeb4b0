"""What a model that is given a part of the latent state would gain, what events show of it, and what we gain of that.

The models here are fitted on true chances, not on outcomes: what they lack is not known, and no noise. The share that
one gains is that of what the truth gains over everybody's mean, in log loss expected under the truth.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import lightgbm
import numpy as np

from bench.quality.shop import simulate
from bench.signals.rows import SignalRows, gather
from bench.signals.signal import SIGNALS
from bench.world import say
from proof import figures
from proof.figures import Figure
from proof.truth.rows import weeks_judged
from proof.world.world import World
from scv.errors import CerebroError
from scv.events import country
from scv.model.metrics import FLOOR
from scv.settings import Settings
from scv.targets import target
from terminal import listing
from trainer import past
from trainer.train import Plan, train

NAME = "signals"
COLUMNS = ("what", "share of the truth's gain", "what events show", "ratio", "bar", "verdict")
FIRST_WEEK = 10
ALL_BAR, NEW_BAR = 0.85, 0.60
TREES = {"objective": "cross_entropy", "num_leaves": 31, "learning_rate": 0.05, "min_data_in_leaf": 200}
TREES |= {"lambda_l2": 20, "feature_fraction": 0.5, "verbosity": -1, "seed": 7}


@click.command(epilog="Example: python -m bench.signals --customers 2000 --target pause")
@click.option("--customers", type=int, default=20_000, show_default=True)
@click.option("--weeks", type=int, default=60, show_default=True)
@click.option("--target", "name", default="cancellation", show_default=True)
@click.option("--rounds", type=int, default=400, show_default=True, help="Trees of the models that see the truth.")
@click.option("--figures", "folder", type=click.Path(path_type=Path), default=figures.FOLDER, show_default=True)
def main(customers: int, weeks: int, name: str, rounds: int, folder: Path) -> None:
    """Invent a world, train a champion in it as `cerebro train --default` does, and print a table on stdout."""
    asked, world = target.get(name), World(country.load("ZZ"), customers, weeks)
    try:
        with tempfile.TemporaryDirectory(prefix="cerebro-signals-") as home:
            rows = _rows(Settings(home=home), world, asked)
    except CerebroError as error:
        raise click.ClickException(str(error)) from error
    say(f"{len(rows):,} rows: {int(rows.judged.sum()):,} are judged, {int((rows.judged & rows.new).sum()):,} new.")
    figures.write(NAME, list(judge(rows, name, rounds)), folder)
    listing.show(COLUMNS, [figures.cells(row) for row in figures.read(NAME, folder)])


def _rows(settings: Settings, world: World, asked: target.Target) -> SignalRows:
    judged = weeks_judged(world, world.country)
    decided = -(-asked.decided_days(world.country) // 7)
    say("Inventing …")
    simulate(settings, world.customers, world.weeks, world.seed)
    say("Training …")
    with past.read(settings, world.country, [asked], world.reference(judged[0])) as known:
        train(settings, known, asked, Plan(mode="default", report=False))
    return gather(settings, world, asked, range(FIRST_WEEK, judged[0] - decided), judged, _step)


def judge(rows: SignalRows, name: str, rounds: int) -> Iterator[Figure]:
    """Champion against what events show, for everybody and for new customers; then signal by signal."""
    every = {one.name: rows.latent[one.name] for one in SIGNALS}
    shown = [every[one.name] for one in SIGNALS if one.shown]
    told = {
        "champion": rows.said,
        "our variables, fitted on the truth": _observer(rows, [rows.features], rounds),
        "what events show": _observer(rows, [rows.features, *shown], rounds),
        "everything latent": _observer(rows, list(every.values()), rounds),
    }
    for of, (mask, least) in slices(rows).items():
        best = share(rows, told["what events show"], mask)
        for what, said in told.items():
            found, barred = share(rows, said, mask), what == "champion"
            yield Figure(
                name=f"{name}{of}: {what}", ours=round(found, 3), peer=round(best, 3), ratio=found / best,
                bar=f"≥ {least:g}×" if barred else "", ok=found / best >= least if barred else None,
            )  # fmt: skip
    for one in SIGNALS:
        alone = _observer(rows, [every[one.name]], rounds)
        beside = _observer(rows, [rows.features, every[one.name]], rounds)
        words = f"{one.name} ({'shown' if one.shown else 'never shown'})"
        yield Figure(name=f"{name}: {words}, alone", ours=round(share(rows, alone, rows.judged), 3))
        for of, (mask, _) in slices(rows).items():
            more = share(rows, beside, mask) - share(rows, told["our variables, fitted on the truth"], mask)
            yield Figure(name=f"{name}{of}: {words}, added to our variables", ours=f"{more:+.3f}")
        say(f"{words}: done.")


def slices(rows: SignalRows) -> dict[str, tuple[np.ndarray, float]]:
    """What is said of some of the judged rows → which, and the least that the champion must reach there."""
    return {"": (rows.judged, ALL_BAR), ", new customers": (rows.judged & rows.new, NEW_BAR)}


def share(rows: SignalRows, said: np.ndarray, of: np.ndarray) -> float:
    """What probabilities gain over the mean, by what the truth gains, on some rows."""
    true = rows.true[of]
    mean = expected_loss(true, np.full(len(true), true.mean()))
    return (mean - expected_loss(true, said[of])) / (mean - expected_loss(true, true))


def expected_loss(true: np.ndarray, said: np.ndarray) -> float:
    """The log loss that probabilities come to where outcomes are drawn with the true ones: no luck is in it."""
    kept = np.clip(said, FLOOR, 1 - FLOOR)
    return float(-(true * np.log(kept) + (1 - true) * np.log1p(-kept)).mean())


def _observer(rows: SignalRows, parts: list[np.ndarray], rounds: int) -> np.ndarray:
    """float64[n] of trees that were fitted on the true chances of the weeks that are not judged."""
    matrix = np.hstack(parts)
    data = lightgbm.Dataset(matrix[~rows.judged], rows.true[~rows.judged], weight=rows.paths[~rows.judged])
    return np.asarray(lightgbm.train(TREES, data, rounds).predict(matrix))


def _step(text: str, done: int, total: int) -> None:
    say(f"{text}: {done} of {total}")


if __name__ == "__main__":
    main(prog_name="python -m bench.signals")

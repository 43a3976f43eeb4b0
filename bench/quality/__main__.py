"""Train, freeze, judge on later Tuesdays: build/figures/quality.json, and the table drawn from that file."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import click

from bench.quality.opponent import BLEND, opponents
from bench.quality.shop import Shop, shops
from bench.timing import fact
from bench.world import FULL, World, say
from local.quality import AUC_SLACK, Judgement, Peer, calibrated, is_calibrated, measure, on_fridays
from proof import figures
from proof.figures import Figure
from scv.errors import CerebroError
from scv.model.metrics import Quality
from scv.targets import target
from terminal import listing
from trainer import past
from trainer.train import Plan, train

NAME = "quality"
COLUMNS = ("set, task, what", "ours", "theirs", "ratio", "bar", "verdict")
SEEDS = (7, 8, 9)


@click.command(epilog="Example: python -m bench.quality --only CDNOW")
@click.option("--only", multiple=True, help="Only this set; may be repeated.")
@click.option("--customers", type=int, default=2000, show_default=True, help="Of each simulated set.")
@click.option("--weeks", type=int, default=60, show_default=True, help="Of each simulated set.")
@click.option("--trials", type=int, help="Recipes to try for each target. Default: as `cerebro train`.")
@click.option("--figures", "folder", type=click.Path(path_type=Path), default=figures.FOLDER, show_default=True)
def main(only: tuple[str, ...], customers: int, weeks: int, trials: int | None, folder: Path) -> None:
    """Judge champions beside baselines and a blend of four models, fitted in the same run on the same rows.

    A win, calibrated and the intervals are those of the definitions page, section 4. The table is printed on stdout.
    """
    warnings.filterwarnings("ignore")  # of packages, about what they will change
    found: list[Figure] = []
    known = shops(customers, weeks, SEEDS)
    try:
        with World(FULL) as world:
            for name in only or known:
                found += _judged(world, name, known[name], trials)
                figures.write(NAME, found, folder)  # what is known stays, whatever becomes of the next
    except CerebroError as error:
        raise click.ClickException(str(error)) from error
    listing.show(COLUMNS, [figures.cells(row) for row in figures.read(NAME, folder)])
    say(f"Written to {folder / NAME}.json.")


def _judged(world: World, name: str, shop: Shop, trials: int | None) -> Iterator[Figure]:
    with shop.opened(world, name.replace(", ", "-").replace(" ", "-")) as (settings, country, span):
        targets = target.of_country(country)
        with past.read(settings, country, targets, span.frozen) as before:
            for one in targets:
                began = time.monotonic()
                done = train(settings, before, one, Plan(trials=trials, report=False))
                say(f"{name}: {one.name} trained in {time.monotonic() - began:.0f} s ({done.why}).")
        say(f"{name}: fitting the opponents …")
        for judgement in measure(settings, country, targets, span, peers=opponents):
            yield from rows(name, judgement)
        for task, ours in on_fridays(settings, country, targets, span).items():
            yield _calibration(f"{name}: {task}: calibration error on Fridays", ours)
        yield fact(f"{name}: of ours was tuned on it", shop.tuned)


def rows(name: str, found: Judgement) -> Iterator[Figure]:
    """One task's rows: a log loss beside each opponent's, the calibration, and whether that is a win."""
    ours, task = found.ours.figures, f"{name}: {found.target}"
    for peer in found.peers:
        yield _against(f"{task}: log loss, {peer.name}", ours["log_loss"], peer)
    yield _calibration(f"{task}: calibration error", found.ours)
    blend = next(peer for peer in found.peers if peer.name == BLEND)
    of = f"{ours['rows']:,} rows ({ours['positives']:,} positive) of {len(found.references)} Tuesdays"
    bar = f"surely below the blend's log loss, AUC at most {AUC_SLACK} lower, calibrated"
    yield Figure(name=f"{task}: win", ours=of, bar=bar, ok=blend.beaten and found.calibrated)


def _calibration(name: str, ours: Quality) -> Figure:
    error, bound = ours.figures["ece"], ours.ece_bound
    return Figure(
        name=name, ours=round(error, 4), peer=round(bound, 4), ratio=error / bound, bar=calibrated(ours),
        ok=is_calibrated(ours),
    )  # fmt: skip


def _against(name: str, ours: float, peer: Peer) -> Figure:
    theirs, loss = peer.figures["log_loss"], peer.loss
    interval = f"{loss.value:+.4f} [{loss.low:+.4f}, {loss.high:+.4f}]"
    return Figure(
        name=name, ours=round(ours, 4), peer=round(theirs, 4), ratio=ours / theirs,
        bar=f"surely below: difference {interval}, upper end < 0", ok=loss.high < 0,
    )  # fmt: skip


if __name__ == "__main__":
    main(prog_name="python -m bench.quality")

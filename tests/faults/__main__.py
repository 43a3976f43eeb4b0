"""`make faults`: break a running deployment on purpose, again and again, and compare every value afterwards."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest

import tests.faults.disk  # noqa: F401 - its scenarios are collected
from proof import figures
from proof.figures import Figure
from scv.errors import UnknownName
from terminal import listing
from terminal.bar import Bar
from tests.faults import rivals, trial
from tests.faults.rivals import RIVALRIES, Rivalry
from tests.faults.scenario import SCENARIOS, Scenario
from tests.faults.trial import RECOVERY_S, Outcome
from tests.faults.verdict import Verdict

PLACES = {"embedded": ("tansu", "valkey"), "real": ("kafka", "redis")}
DISK = "disk"
"""The place of commands that need neither broker nor store."""
LEAST_TRIALS = 300
COLUMNS = ("fault", "on", "trials", "lost", "dup", "wrong", "of values", "recovery s", "seconds", "verdict")


@click.command(epilog='Example: python -m tests.faults --only "store emptied" --on embedded --short')
@click.option("--only", multiple=True, metavar="FAULT", help="Only this fault; may be repeated.")
@click.option("--on", "places", multiple=True, type=click.Choice([*PLACES, DISK]), help="Only on these parts.")
@click.option("--short", is_flag=True, help="A few trials of each.")
@click.option("--keep", is_flag=True, help="Keep the homes, with the members' logs.")
@click.option("--figures", "folder", type=click.Path(path_type=Path), default=figures.FOLDER, show_default=True)
def main(only: tuple[str, ...], places: tuple[str, ...], short: bool, keep: bool, folder: Path) -> None:
    """Exit 1 where anything was lost, doubled or wrong, or took longer than 20 s to recover."""
    chosen = list(_chosen(only, places or (*PLACES, DISK)))
    outcomes: list[Outcome] = []
    begun = time.monotonic()
    with Bar("Breaking") as bar:
        for number, (scenario, place) in enumerate(chosen):
            home = Path(tempfile.mkdtemp(prefix="cerebro-faults-"))
            outcomes.append(_attempt(scenario, place, home, short))
            bar.at(number + 1, len(chosen))
            if not keep:
                shutil.rmtree(home, ignore_errors=True)
            for line in (*outcomes[-1].verdict.said, *outcomes[-1].mute):
                click.echo(f"{scenario.name}, {place}: {line}", err=True)
    whole = not (only or short or places)
    rows = [*(row for outcome in outcomes for row in _figures(outcome)), *([_trials(outcomes)] if whole else [])]
    figures.write("faults", rows, folder)
    listing.show(COLUMNS, [_cells(outcome) for outcome in outcomes])
    total = sum(outcome.trials for outcome in outcomes)
    click.echo(f"{total} trials of {len(outcomes)} faults in {(time.monotonic() - begun) / 60:.1f} minutes.", err=True)
    sys.exit(any(row.ok is False for row in rows))


def _chosen(only: Sequence[str], places: Sequence[str]) -> Iterator[tuple[Scenario | Rivalry, str]]:
    every = SCENARIOS | RIVALRIES
    for name in only:
        if name not in every:
            raise click.UsageError(str(UnknownName("fault", name, every)))
    for place in places:
        for name in only or every:
            one = every[name]
            if isinstance(one, Rivalry) is (place == DISK) and (place != "embedded" or not one.keeps_log):
                yield one, place


def _attempt(one: Scenario | Rivalry, place: str, home: Path, short: bool) -> Outcome:
    """What came of it, also where it did not come back or could not be tried: the others are tried all the same."""
    begun = time.monotonic()
    try:
        if isinstance(one, Rivalry):
            return rivals.attempt(one, home, short)
        return trial.attempt(one, *PLACES[place], home, short)
    except (Exception, pytest.skip.Exception) as error:
        verdict = Verdict(wrong=1, said=[f"it came to nothing: {type(error).__name__}: {error}"])
        seconds = time.monotonic() - begun
        return Outcome(one.name, place, 0, seconds, seconds, verdict, 0, [])


def _figures(outcome: Outcome) -> Iterator[Figure]:
    """What was lost, doubled, wrong or said without a next step, what it took to recover, and that it was tried."""
    verdict, name = outcome.verdict, f"{outcome.scenario}, {outcome.place}"
    counts = {"lost": verdict.lost, "dup": verdict.dup, "wrong": verdict.wrong, "no next step": len(outcome.mute)}
    for what, number in counts.items():
        unit = f"of {verdict.compared:,} values"
        yield Figure(name=f"{name}: {what}", ours=number, unit=unit, bar="0", ok=number == 0)
    late, bar = round(outcome.recovery_s, 1), f"at most {RECOVERY_S:.0f} s"
    yield Figure(name=f"{name}: recovery", ours=late, unit="s", bar=bar, ok=outcome.recovery_s <= RECOVERY_S)
    yield Figure(name=f"{name}: trials", ours=outcome.trials, bar="some, with values compared", ok=outcome.tried)


def _trials(outcomes: Sequence[Outcome]) -> Figure:
    total = sum(outcome.trials for outcome in outcomes)
    return Figure(name="trials", ours=total, bar=f"at least {LEAST_TRIALS}", ok=total >= LEAST_TRIALS)


def _cells(outcome: Outcome) -> list[object]:
    verdict = outcome.verdict
    numbers = [outcome.trials, verdict.lost, verdict.dup, verdict.wrong, f"{verdict.compared:,}"]
    seconds = [f"{outcome.recovery_s:.1f}", f"{outcome.seconds:.0f}"]
    return [outcome.scenario, outcome.place, *numbers, *seconds, "ok" if outcome.ok else "FAILS"]


if __name__ == "__main__":
    main()

"""Prove the project: its fetchers and targets beside a naive oracle; then its own tests."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import click

from scv import project
from scv.errors import UserError

SHOWN = 10
NO_TESTS = 5
"""What pytest ends with where it finds none."""


@click.command()
@click.option("--seed", type=click.IntRange(0), default=11, show_default=True, help="Another seed, other worlds.")
@click.option("--only-parity", is_flag=True, help="Leave the project's tests/ alone.")
def command(seed: int, only_parity: bool) -> int:
    """Compare the project's fetchers and targets with a naive oracle on invented worlds, then run its own tests/.

    Batch SQL, the streamed row and an oracle that shares code with neither must give the same values for late,
    duplicate, conflicting and shuffled events, across clock changes; of a target they must ask about the same customers
    and agree on what then happened. Exit code 1 at any mismatch, where too little was compared, and where a test fails.

    \b
    Example:
      cerebro test
      cerebro test --seed 7
    """
    from scv.features import derived

    folder = project.here()
    if folder is None:
        raise UserError(f"There is no {project.FILE} here or above: `cerebro init FOLDER` makes a project.")
    derived.collect()  # whose inputs are looked up then
    same = _parity(folder, seed)
    passed = only_parity or _tests(folder)
    return 0 if same and passed else 1


def _parity(folder: Path, seed: int) -> bool:
    from proof.naive import own
    from scv.features import fetcher
    from scv.targets import target
    from terminal import listing
    from terminal.bar import Bar

    mine, asked = fetcher.own(), target.own()
    what = {one.name: f"fetcher over {one.family}" for one in mine} | {one.name: "target" for one in asked}
    if not what:
        click.echo(f"{folder} has no fetcher and no target of its own: nothing was compared.", err=True)
        return True
    with Bar("Comparing (worlds)") as bar:
        tally = own.compare(mine, asked, seed, bar.at)
    rows = [(name, kind, tally.compared[name], tally.mismatches[name]) for name, kind in what.items()]
    listing.show(("name", "what", "values compared", "mismatches"), rows)
    for text in tally.wrong[:SHOWN]:
        click.echo(text, err=True)
    lacking, wrong = own.lacking(list(what), tally), tally.mismatches.total()
    for name in lacking:
        click.echo(
            f"{name}: hardly anything was compared. Which events does it read? `cerebro schemas` lists all.", err=True
        )
    click.echo(
        f"{wrong} mismatches of {tally.compared.total():,} values: batch SQL and streamed rows, populations and labels "
        f"beside the oracle, in {len(own.PLACES)} time zones.",
        err=True,
    )
    return not wrong and not lacking


def _tests(folder: Path) -> bool:
    """Did the project's own tests pass? True where there are none, or nobody to run them."""
    if not (folder / "tests").is_dir():
        return True
    if importlib.util.find_spec("pytest") is None:
        click.echo("tests/ was not run: there is no pytest here (`pip install pytest`).", err=True)
        return True
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder / "tests")]
    project.stay()
    code = subprocess.run(command, cwd=folder, stdout=sys.stderr, check=False).returncode
    return code in (0, NO_TESTS)

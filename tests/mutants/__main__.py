"""`make mutants`: put small faults into the source one by one, and see a test go red for each."""

from __future__ import annotations

import queue
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from proof import figures
from proof.figures import Figure
from scv.errors import CerebroError, UnknownName, UserError
from terminal import listing
from terminal.bar import Bar
from tests.mutants.mutant import ROOT, Mutant, load
from tests.mutants.tree import Tree
from tests.mutants.trial import DEAD, Court, Outcome

COLUMNS = ("mutant", "file", "verdict", "seen by", "s", "what it breaks")


@click.command(epilog="Example: python -m tests.mutants --only fold-latest-by-arrival")
@click.option("--only", multiple=True, metavar="NAME", help="Only this mutant; may be repeated.")
@click.option("--workers", type=click.IntRange(1, 16), default=2, show_default=True, help="Copies tried at once.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--figures", "folder", type=click.Path(path_type=Path), default=figures.FOLDER, show_default=True)
def main(only: tuple[str, ...], workers: int, as_json: bool, folder: Path) -> None:
    """Apply every fault of tests/mutants/faults in a copy of the source; exit 1 if any goes unseen."""
    begun = time.monotonic()
    try:
        chosen = _chosen(only)
        outcomes = _try_all(chosen, min(workers, len(chosen)))
    except UserError as error:
        raise click.UsageError(str(error)) from error
    except CerebroError as error:
        raise click.ClickException(str(error)) from error
    if not only:
        figures.write("mutants", _figures(outcomes, time.monotonic() - begun), folder)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(outcomes)).decode())
    else:
        listing.show(COLUMNS, [_cells(outcome) for outcome in outcomes])
    undead = [outcome.mutant for outcome in outcomes if outcome.verdict not in DEAD]
    _say(f"{len(outcomes)} mutants in {time.monotonic() - begun:.0f} s. Survivors: {', '.join(undead) or 'none'}.")
    sys.exit(bool(undead))


def _chosen(only: Sequence[str]) -> list[Mutant]:
    mutants = {mutant.name: mutant for mutant in load()}
    for name in only:
        if name not in mutants:
            raise UnknownName("mutant", name, mutants)
    chosen = [mutants[name] for name in only or mutants]
    for mutant in chosen:  # all of them, before the first minute is spent
        mutant.apply((ROOT / mutant.file).read_text(encoding="utf-8"))
    return chosen


def _try_all(chosen: Sequence[Mutant], workers: int) -> list[Outcome]:
    """The outcomes in the order of the mutants."""
    court, found = Court(), {}
    with _trees(workers) as trees, Bar("Applying faults") as bar, ThreadPoolExecutor(workers) as pool:

        def turn(mutant: Mutant) -> Outcome:
            tree = trees.get()
            try:
                return court.try_one(tree, mutant)
            finally:
                trees.put(tree)

        try:
            tree = trees.get()
            seen = court.control(tree, list(dict.fromkeys(one for mutant in chosen for one in mutant.killers)))
            trees.put(tree)
            _say(f"Without a fault {seen.passed} tests are green; scv is {seen.scv}, of a copy.")
            futures = [pool.submit(turn, mutant) for mutant in chosen]
            for done, future in enumerate(as_completed(futures), 1):
                outcome = found[future.result().mutant] = future.result()
                bar.at(done, len(chosen))
                if outcome.verdict not in DEAD:
                    _say(f"{outcome.verdict}: {outcome.mutant}. {outcome.rule}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            court.stop()
            raise
    return [found[mutant.name] for mutant in chosen]


@contextmanager
def _trees(workers: int) -> Iterator[queue.Queue[Tree]]:
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees: queue.Queue[Tree] = queue.Queue()
        for number in range(workers):
            trees.put(Tree.copy(Path(folder).resolve() / str(number)))
        yield trees


def _cells(one: Outcome) -> list[str]:
    by = one.by + ("" if one.expected or not one.by else " (not one of its own)")
    return [one.mutant, one.file, one.verdict, by, f"{one.seconds:.1f}", one.rule]


def _figures(outcomes: Sequence[Outcome], seconds: float) -> list[Figure]:
    undead = sum(one.verdict not in DEAD for one in outcomes)
    rows = [
        Figure(name="mutants", ours=len(outcomes), bar="at least 20", ok=len(outcomes) >= 20),
        Figure(name="mutants: survivors", ours=undead, bar="0", ok=not undead),
        Figure(name="mutants: run", ours=round(seconds), unit="s"),
    ]
    for one in outcomes:
        said = f"{one.verdict} by {one.by}, {one.seconds:.1f} s"
        rows.append(Figure(name=one.mutant, ours=said, bar="a red test", ok=one.verdict in DEAD))
    return rows


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main(prog_name="python -m tests.mutants")

"""`make bench`: measure, write build/figures/bench.json, and draw the table from that file."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

import click

from bench import history, reading, searching, streaming, weekly
from bench.timing import fact, load
from bench.world import FULL, QUICK, World, say
from local.services import BROKERS, STORES
from proof import figures
from proof.figures import Figure
from scv.errors import CerebroError
from terminal import listing

BENCHES: Mapping[str, Callable[[World], list[Figure]]] = {
    "read": reading.run,
    "stream": streaming.run,
    "history": history.run,
    "search": searching.run,
    "weekly": weekly.run,
}
COLUMNS = ("what", "ours", "peer", "times faster", "bar", "verdict")


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(BENCHES)), help="Only this one; may be repeated.")
@click.option("--quick", is_flag=True, help="Few events: does it run? Its numbers mean nothing.")
@click.option("--broker", type=click.Choice(BROKERS), default="tansu", envvar="BROKER", show_default=True)
@click.option("--store", type=click.Choice(STORES), default="valkey", envvar="STORE", show_default=True)
@click.option("--figures", "folder", type=click.Path(path_type=Path), default=figures.FOLDER, show_default=True)
def main(only: tuple[str, ...], quick: bool, broker: str, store: str, folder: Path) -> None:
    """Measure ours and named peers in one run; progress on stderr, the table on stdout.

    "Times faster" is ours against the peer in the same run: trust it, not the absolute numbers.
    """
    for category in (DeprecationWarning, FutureWarning):  # of packages that Feast calls
        warnings.filterwarnings("ignore", category=category)
    before = load()
    found: list[Figure] = []
    try:
        with World(QUICK if quick else FULL, broker, store) as world:
            for name in only or BENCHES:
                found += BENCHES[name](world)
    except CerebroError as error:
        raise click.ClickException(str(error)) from error
    packages = ", ".join(f"{name} {version(name)}" for name in ("feast", "faust-streaming", "redis", "duckdb", "dask"))
    machine = fact("machine", f"{before} before, {load()} after; Python {platform.python_version()}, {packages}")
    figures.write("bench", [machine, *found], folder)
    listing.show(COLUMNS, [figures.cells(row) for row in figures.read("bench", folder)])
    say(f"Written to {folder / 'bench.json'}.")


if __name__ == "__main__":
    main(prog_name="python -m bench")

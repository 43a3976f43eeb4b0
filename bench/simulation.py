"""`make bench-world`: how fast worlds are made and what they need, from ten thousand customers to a million.

Each world is made by one worker in a fresh process, with the usual dirt, on Parquet. Memory follows the chunk, not the
world; a core's rate does not fall with its size.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import msgspec
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas

from bench.simulated import Took
from bench.timing import fact, load
from proof import figures
from proof.figures import Figure
from proof.world.world import CHUNK
from terminal import listing

SIZES = (10_000, 100_000, 1_000_000)
NAME = "simulation"
LEAST_RATE = 200_000
"""Events a second from one core."""
MOST_DIRT_US = 1.5
"""Of a core, for dirt and writing of one event."""
MOST_GROWTH = 1.5
"""Times the peak memory of the smallest world."""
COLUMNS = ("what", "ours", "peer", "ratio", "bar", "verdict")
_INK, _LINE = "#1b6ca8", "#999999"


@click.command()
@click.option("--customers", "sizes", type=int, multiple=True, help="A size; may be repeated.")
@click.option("--weeks", type=int, default=60, show_default=True)
@click.option("--sinks/--no-sinks", default=True, help="Also the smallest world as JSON lines and into the lake.")
@click.option("--figures", "folder", type=click.Path(path_type=Path), default=figures.FOLDER, show_default=True)
def main(sizes: tuple[int, ...], weeks: int, sinks: bool, folder: Path) -> None:
    """Make worlds of growing size; figures in simulation.json, the curve of growth in simulation.png."""
    before, found = load(), {size: made(size, weeks) for size in sorted(sizes or SIZES)}
    smallest = min(found)
    others = {to: made(smallest, weeks, to) for to in ("jsonl", "lake")} if sinks else {}
    said = f"{before} before, {load()} after; Python {platform.python_version()}; {weeks} weeks, chunks of {CHUNK:,}"
    rows = [fact("machine", said), *_rows(found), *_sinks(smallest, others)]
    figures.write(NAME, rows, folder)
    draw(found, folder / f"{NAME}.png")
    listing.show(COLUMNS, [figures.cells(row) for row in figures.read(NAME, folder)])
    click.echo(f"Written to {folder / NAME}.json and .png.", err=True)


def made(customers: int, weeks: int, to: str = "parquet") -> Took:
    """One world, made and thrown away."""
    click.echo(f"Simulating {customers:,} customers × {weeks} weeks to {to} …", err=True)
    with tempfile.TemporaryDirectory(prefix="cerebro-world-") as scratch:
        options = ["--customers", str(customers), "--weeks", str(weeks), "--to", to, "--out", f"{scratch}/world"]
        command = [sys.executable, "-m", "bench.simulated", *options]
        environment = os.environ | {"CEREBRO_HOME": f"{scratch}/home"}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
        return msgspec.json.decode(done.stdout, type=Took)


def _rows(found: Mapping[int, Took]) -> list[Figure]:
    rows = []
    for size, took in found.items():
        what, unit, bar = f"{size:,} customers", "events/s", f"≥ {LEAST_RATE:,}"
        name, ok = f"{what}: events a second of one core", took.rate >= LEAST_RATE
        rows += [
            Figure(name=f"{what}: events", ours=took.events, unit="events"),
            Figure(name=name, ours=round(took.rate), unit=unit, bar=bar, ok=ok),
            Figure(name=f"{what}: time of one core", ours=round(took.cpu_s, 1), unit="s"),
            Figure(name=f"{what}: time by the wall", ours=round(took.seconds, 1), unit="s"),
            Figure(name=f"{what}: peak memory", ours=round(took.peak_bytes / 1e6), unit="MB"),
            Figure(name=f"{what}: Parquet", ours=round(took.bytes / took.events, 1), unit="bytes an event"),
        ]
    return [*rows, *_stages(found), *_growth(found)]


def _stages(found: Mapping[int, Took]) -> list[Figure]:
    """Of the largest world: what a core does for an event."""
    largest = found[max(found)]
    each = {stage: seconds / largest.events * 1e6 for stage, seconds in largest.stages.items()}
    rows = [Figure(name=f"an event is {stage}", ours=round(us, 2), unit="us of a core") for stage, us in each.items()]
    ours, bar = each["made dirty"] + each["written"], f"≤ {MOST_DIRT_US}"
    name, ok = "an event is made dirty and written", ours <= MOST_DIRT_US
    return [*rows, Figure(name=name, ours=round(ours, 2), unit="us of a core", bar=bar, ok=ok)]


def _growth(found: Mapping[int, Took]) -> list[Figure]:
    small, large = min(found), max(found)
    if small == large:
        return []
    ours, peer = (found[size].peak_bytes / 1e6 for size in (large, small))
    name, ratio, bar = f"peak memory: {large:,} customers / {small:,}", ours / peer, f"≤ {MOST_GROWTH}×"
    row = Figure(
        name=name, ours=round(ours), peer=round(peer), ratio=round(ratio, 2), unit="MB", bar=bar,
        ok=ratio <= MOST_GROWTH,
    )  # fmt: skip
    return [row]


def _sinks(size: int, others: Mapping[str, Took]) -> list[Figure]:
    said, what = {"jsonl": "JSON lines", "lake": "the lake"}, "events a second of one core"
    return [
        Figure(name=f"{size:,} customers to {said[to]}: {what}", ours=round(took.rate), unit="events/s")
        for to, took in others.items()
    ]


def draw(found: Mapping[int, Took], path: Path) -> None:
    """Time, events and peak memory by size, both axes logarithmic: a straight line is proportional."""
    sizes = sorted(found)
    curves: Sequence[tuple[str, list[float]]] = (
        ("events (millions)", [found[size].events / 1e6 for size in sizes]),
        ("time of one core (s)", [found[size].cpu_s for size in sizes]),
        ("peak memory (MB)", [found[size].peak_bytes / 1e6 for size in sizes]),
    )
    canvas = Canvas(figsize=(10.5, 3.3), dpi=110, layout="tight")
    for number, (title, values) in enumerate(curves):
        axes = canvas.add_subplot(1, len(curves), number + 1)
        axes.loglog(sizes, values, "o-", color=_INK, markersize=4)
        axes.loglog(sizes, [values[0] * size / sizes[0] for size in sizes], ":", color=_LINE, label="proportional")
        axes.set_title(title, fontsize=9)
        axes.set_xlabel("customers", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.margins(0.14)
        axes.legend(fontsize=7)
        for size, value in zip(sizes, values, strict=True):
            axes.annotate(f"{value:,.3g}", (size, value), textcoords="offset points", xytext=(4, -10), fontsize=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        FigureCanvasAgg(canvas).print_png(file)


if __name__ == "__main__":
    main(prog_name="python -m bench.simulation")

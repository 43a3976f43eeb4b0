"""Measure both servers, write build/figures/scorer.json and scorer.svg, and draw the table from that file."""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import click
import grpc
import matplotlib as mpl
import msgspec
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas

import cli
from bench import peer
from bench.serving.load import Task, Told
from bench.timing import fact, faster, load, more
from bench.world import FULL, PEER_ROWS, QUICK, US, World, say
from local.services.process import Child, free_port
from proof import figures
from proof.figures import Figure
from rpc.client import ScorerClient, ScorerError
from scv import atomic
from scv.features import fetcher
from scv.model import champion
from scv.online.reader import Reader
from scv.settings import Settings
from store.client import connect
from terminal import listing

NAME = "scorer"
COLUMNS = ("what", "ours", "peer", "ratio", "bar", "verdict")
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1)
"""Of what a server can take at most, for the picture."""
PATIENT_MS = 50.0
"""A rate is sustained while every call is answered and 99 of 100 within this."""
FLOOD = 10
PINNED = """\
import os, sys
os.sched_setaffinity(0, {int(sys.argv[1])})
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """How long, how often."""

    seconds: float
    runs: int


@click.command()
@click.option("--quick", is_flag=True, help="A few households and seconds: does it run? Its numbers mean nothing.")
@click.option("--figures", "folder", type=click.Path(path_type=Path), default=figures.FOLDER, show_default=True)
def main(quick: bool, folder: Path) -> None:
    """Ask both servers about random customers, by rates and at most, with reasons and without; one core each."""
    trial = Trial(seconds=1, runs=1) if quick else Trial(seconds=8, runs=5)
    before = load()
    with World(QUICK if quick else FULL) as world:
        bundles = _trained(world)
        rows, curves = list[Figure](), dict[str, list[tuple[float, Told]]]()
        for reasons in (True, False):
            rows += _compared(world, bundles, reasons, trial, curves)
    figures.write(NAME, [fact("machine", f"{before} before, {load()} after"), *rows], folder)
    atomic.write(folder / f"{NAME}.svg", _picture(curves))
    listing.show(COLUMNS, [figures.cells(row) for row in figures.read(NAME, folder)])
    say(f"Written to {folder / NAME}.json and .svg.")


def _trained(world: World) -> list[Path]:
    """The champions of the demo's households, as `cerebro train` makes them."""
    settings = world.snapshots
    _ = world.rows
    with _surroundings(settings):
        cli.run(["train", "US", "--default"])
    found = [champion.champion(settings, "US", target) for target in US.targets]
    return [path for path in found if path is not None]


def _compared(
    world: World, bundles: Sequence[Path], reasons: bool, trial: Trial, curves: dict[str, list[tuple[float, Told]]]
) -> Iterator[Figure]:
    said = "with reasons" if reasons else "without reasons"
    most, tails = dict[str, float](), dict[str, float]()
    for name, start in (("peer", lambda: _parts(world, bundles)), ("ours", lambda: _ours(world))):
        with _running(name, start) as address:
            ask = _asker(world, address, reasons, trial)
            most[name] = _sustained(ask, trial.runs)
            say(f"{name}, {said}: {most[name]:,.0f} calls a second.")
            at = 0.75 * most["peer"]
            if name == "ours" and reasons:
                rows_of_flood = list(_flooded(world, address, most[name], trial))
            tails[name] = statistics.median(ask(rate=at).p99 for _ in range(trial.runs))
            curves[f"{name}, {said}"] = [(share * most[name], ask(rate=share * most[name])) for share in SHARES]
    yield more(f"calls a second of one core, {said}", most["ours"], most["peer"], "/s", 4)
    yield faster(f"p99 at 75 % of what the peer can take, {said}", tails["ours"], tails["peer"], "ms", 3)
    if reasons:
        yield from rows_of_flood
    for name in ("ours", "peer"):
        for rate, told in curves[f"{name}, {said}"]:
            text = f"p50 {told.p50:.1f}, p99 {told.p99:.1f}, p99.9 {told.p999:.1f} ms; {told.answered} of {told.sent}"
            yield fact(f"{name}, {said}, at {rate:,.0f}/s", f"{text} answered; callers late by {told.lag:.1f} ms")


def _flooded(world: World, address: str, most: float, trial: Trial) -> Iterator[Figure]:
    """One caller sends ten times what the server can take, another a tenth of it."""
    polite = Task(
        address=address, country="US", customers=world.customers, seconds=trial.seconds, reasons=True, rate=0.1 * most
    )
    alone = _sent([polite])[0]
    flood = msgspec.structs.replace(polite, rate=FLOOD * most)
    beside, flooding = _sent([polite, flood])
    after = _sent([polite])[0]
    reached = flooding.sent / flooding.seconds / most
    what = f"beside a flood of {reached:.1f} × what it can take"
    good = (beside.answered + flooding.answered) / max(beside.seconds, flooding.seconds) / most
    share = beside.answered / beside.sent
    yield Figure(name=f"answered in all, {what}", ours=round(good, 2), unit="of its most", bar="≥ 0.7", ok=good >= 0.7)
    yield Figure(name=f"a polite caller is answered, {what}", ours=round(share, 3), bar="≥ 0.9", ok=share >= 0.9)
    slower = beside.p99 / alone.p99
    yield Figure(
        name=f"his p99, {what}", ours=round(beside.p99, 1), peer=round(alone.p99, 1), ratio=round(slower, 2), unit="ms",
        bar="≤ 2×", ok=slower <= 2,
    )  # fmt: skip
    late, well = flooding.refusal, after.answered == after.sent
    yield Figure(name=f"a refusal, p99, {what}", ours=round(late, 1), unit="ms", bar="≤ 20", ok=late <= 20)
    said = f"{after.answered} of {after.sent}, p99 {after.p99:.1f} ms"
    yield Figure(name="after the flood", ours=said, bar="all", ok=well)


def _sent(tasks: Sequence[Task]) -> list[Told]:
    """Of each a process on the other core, all at once."""
    command = [*_pinned(1), "-m", "bench.serving.load"]
    running = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in tasks]
    with ThreadPoolExecutor(len(tasks)) as pool:
        said = pool.map(lambda one, task: one.communicate(msgspec.json.encode(task))[0], running, tasks)
    return [msgspec.json.decode(body, type=Told) for body in said]


def _sustained(ask: Callable[..., Told], runs: int) -> float:
    """The highest rate that is sustained, the median of some searches: from the most that callers in turn get, down."""

    def search() -> float:
        rate = ask(at_once=32).rate
        while rate > 1:
            told = ask(rate=rate)
            if told.answered == told.sent and told.p99 <= PATIENT_MS:
                return rate
            rate *= 0.93
        return rate

    return statistics.median(search() for _ in range(runs))


def _asker(world: World, address: str, reasons: bool, trial: Trial) -> Callable[..., Told]:
    """Sends calls from the other core."""

    def ask(rate: float = 0.0, at_once: int = 0) -> Told:
        task = Task(
            address=address, country="US", customers=world.customers, seconds=trial.seconds, reasons=reasons,
            rate=rate, at_once=at_once,
        )  # fmt: skip
        return _sent([task])[0]

    return ask


@contextmanager
def _running(name: str, start: Callable[[], tuple[str, Child]]) -> Iterator[str]:
    address, child = start()
    child.start()
    try:
        child.wait_ready(lambda: _answers(address), 60)
        yield address
    finally:
        child.stop()


def _answers(address: str) -> bool:
    try:
        with ScorerClient(address) as client:
            client.score("US", "1")
        return True
    except (ScorerError, grpc.RpcError):
        return False


def _ours(world: World) -> tuple[str, Child]:
    port = free_port()
    command = [*_pinned(0), "cli.py", "serve", "--port", str(port), "--insecure"]
    return f"127.0.0.1:{port}", Child("scorer", command, world.home / "scorer.log", environment=_said(world.log))


def _parts(world: World, bundles: Sequence[Path]) -> tuple[str, Child]:
    folder, port, address = world.home / "serving-peer", free_port(), world.address(PEER_ROWS)
    store = peer.with_redis(world.rows, folder, address)
    with connect(world.rows) as client:
        peer.write(store, Reader(client).read(US, world.customers, list(fetcher.collect().values())))
    words = ["-m", "bench.serving.parts", str(folder), address, str(port), *map(str, bundles)]
    return f"127.0.0.1:{port}", Child("peer", [*_pinned(0), *words], world.home / "peer.log")


def _pinned(core: int) -> list[str]:
    """Python on one core: the server has one of its own, callers and store the other."""
    return [sys.executable, "-c", PINNED, str(core % (os.cpu_count() or 1))]


def _said(settings: Settings) -> dict[str, str]:
    """The settings as an environment."""
    told = {name: str(value) for name, value in msgspec.structs.asdict(settings).items()}
    usual = {name: str(value) for name, value in msgspec.structs.asdict(Settings()).items()}
    found = {f"CEREBRO_{name.upper()}": value for name, value in told.items() if value != usual[name]}
    return found | {"CEREBRO_METRICS": "0"}


@contextmanager
def _surroundings(settings: Settings) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(_said(settings))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _picture(curves: dict[str, list[tuple[float, Told]]]) -> bytes:
    """Times by rate; SVG."""
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": NAME}):
        canvas = Canvas(figsize=(8, 4.5), layout="constrained")
        axes = canvas.subplots()
        for name, points in curves.items():
            for which, style in (("p50", ":"), ("p99", "-"), ("p999", "--")):
                times = [getattr(told, which) for _, told in points]
                axes.plot([rate for rate, _ in points], times, style, label=f"{name}: {which}")
        axes.set(xscale="log", yscale="log", xlabel="calls a second, one core", ylabel="milliseconds")
        axes.legend(fontsize=6)
        out = io.BytesIO()
        FigureCanvasSVG(canvas).print_svg(out)
    return out.getvalue()


if __name__ == "__main__":
    main(prog_name="python -m bench.serving")

"""What `cerebro simulate` was asked for: made sense of, made, and told."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from proof.world.rates import CLEAN, KINDS, TAKEN, USUAL, WHAT, Dirt
from scv import settings
from scv.errors import UnknownName, UserError
from scv.events import country
from scv.events.calendar import from_us, reference
from scv.events.clock import wall_us
from scv.events.country import Country
from scv.settings import Settings
from terminal.bar import Bar

if TYPE_CHECKING:
    from proof.world.folder import WorldFolder
    from proof.world.sink import Sink
    from proof.world.sink_kafka import Pace
    from proof.world.world import World

SINKS = ("parquet", "jsonl", "lake", "kafka")
MOST_WORKERS = 64


def dirt(command: Callable[..., Any]) -> Callable[..., Any]:
    """An option for each rate of dirt."""
    for name in reversed(KINDS):
        option = click.option(
            f"--{name.replace('_', '-')}",
            name,
            type=click.FloatRange(0, 1),
            metavar="SHARE",
            help=f"{WHAT[name]}.  [usual: {getattr(USUAL, name):g}]",
        )
        command = option(command)
    return command


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """The options as they were given; `rates` are those of dirt."""

    customers: int
    weeks: int
    countries: str
    seed: int
    until: str | None
    sink: str | None
    out: Path | None
    rate: str | None
    speed: str | None
    flat_out: bool
    clean: bool
    rates: dict[str, float]
    workers: int
    resume: bool
    as_json: bool
    report: bool = False
    sample: int = 4000

    @property
    def codes(self) -> list[str]:
        return list(dict.fromkeys(code.strip() for code in self.countries.split(",") if code.strip()))

    @property
    def is_file(self) -> bool:
        """One Parquet file of one country, as it is without --to."""
        return self.sink is None and len(self.codes) == 1

    @property
    def to(self) -> str:
        return self.sink or "parquet"

    def again(self) -> str:
        """The command line that goes on with it."""
        words = ["cerebro", "simulate", "--customers", self.customers, "--weeks", self.weeks]
        words += ["--countries", ",".join(self.codes), "--seed", self.seed, "--to", self.to]
        named = {"--until": self.until, "--out": self.out, "--rate": self.rate, "--speed": self.speed}
        for name, value in named.items():
            words += [name, value] if value else []
        words += ["--clean"] if self.clean else []
        for name, rate in self.rates.items():
            words += [f"--{name.replace('_', '-')}", rate]
        words += ["--workers", self.workers] if self.workers > 1 else []
        return shlex.join([*map(str, words), "--resume"])


def fulfil(wish: Wish) -> None:
    """Make what was asked for. Raises UserError for what cannot be."""
    found = settings.load()
    worlds = _worlds(wish, found)
    if wish.until:  # by name: next week "now" is another day
        wish = msgspec.structs.replace(wish, until=str(worlds[0].ends_on))
    _check(wish)
    if wish.is_file:
        _file(wish, worlds, found)
    else:
        _folder(wish, worlds, found)
    if wish.report:
        _judge(wish, worlds, found)


def _judge(wish: Wish, worlds: Sequence[World], found: Settings) -> None:
    from proof.truth.report import report

    with Bar() as say:
        report(found, worlds, wish.sample, found.home_path / "reports" / f"{_label(wish)}.html", wish.as_json, say)


def _worlds(wish: Wish, found: Settings) -> list[World]:
    from proof.world.world import World

    if not wish.codes:
        raise UserError("--countries names no country: write --countries ZZ,ZY.")
    places = [country.load(code, found.countries_path) for code in wish.codes]
    return [World(place, wish.customers, wish.weeks, wish.seed, _until(wish, place)) for place in places]


def _until(wish: Wish, place: Country) -> date | None:
    """The local day that --until means."""
    if wish.until is None:
        return None
    at = from_us(wall_us()) if wish.until == "now" else reference(wish.until, place)
    return at.astimezone(place.zone).date()


def _check(wish: Wish) -> None:
    if wish.sink is not None and wish.sink not in SINKS:
        raise UnknownName("sink", wish.sink, SINKS)
    if not 1 <= wish.workers <= MOST_WORKERS:
        raise UserError(f"--workers {wish.workers}: between 1 and {MOST_WORKERS} processes can work.")
    paces = {"--rate": wish.rate, "--speed": wish.speed, "--max": wish.flat_out or None}
    given = [name for name, value in paces.items() if value is not None]
    if given and wish.to != "kafka":
        raise UserError(f"{given[0]} is for --to kafka: files and the lake are written as fast as they can be.")
    if len(given) > 1:
        raise UserError(f"{' and '.join(given)} exclude each other: choose one.")
    if wish.is_file and wish.resume:
        raise UserError("--resume goes on with a world in a folder: name its --to and --out.")
    if wish.sample < 1:
        raise UserError(f"--sample {wish.sample}: a report needs at least one row.")


def _file(wish: Wish, worlds: Sequence[World], found: Settings) -> None:
    """The parts of a world that is gone afterwards, one after the other in one file."""
    from proof.world.folder import WorldFolder
    from proof.world.parts import join

    target = wish.out or found.home_path / "events" / f"{worlds[0].country.code}.parquet"
    if target.suffix != ".parquet":
        raise UserError(f"--out {target} must end in .parquet; for a folder of parts say --to parquet.")
    if target.is_dir():
        raise UserError(f"--out {target} is a folder; without --to it is one file.")
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.stem}-", dir=target.parent))
    try:
        folder = WorldFolder(scratch)
        counts, seconds = _produce(wish, worlds, folder, found)
        parts = [folder.part(worlds[0].country.code, chunk, ".parquet") for chunk in range(worlds[0].chunks)]
        join(parts, target)
    finally:
        shutil.rmtree(scratch)
    _tell(wish, target, counts, seconds)


def _folder(wish: Wish, worlds: Sequence[World], found: Settings) -> None:
    from proof.world.folder import WorldFolder

    out = wish.out or found.home_path / "worlds" / _label(wish)
    counts, seconds = _produce(wish, worlds, WorldFolder(out), found)
    if not seconds:
        click.echo(f"The world in {out} was whole already: nothing was left to do.", err=True)
    _tell(wish, out, counts, seconds)


def _label(wish: Wish) -> str:
    return f"{'-'.join(wish.codes)}_{wish.customers}x{wish.weeks}_seed{wish.seed}_{wish.to}"


def _produce(
    wish: Wish, worlds: Sequence[World], folder: WorldFolder, found: Settings
) -> tuple[Mapping[str, Any], float]:
    """The counts of the world, and how long it took; 0 s for one that was whole already."""
    from proof.world.production import Production

    known = country.known(found.countries_path)
    sink = _sink(wish, worlds, folder, found)
    production = Production(worlds, _dirt(wish), folder, sink, known)
    began, again = time.monotonic(), "" if wish.is_file else wish.again()
    try:
        with Bar() as report:
            counts = production.run(wish.resume, wish.workers, report, again)
    except KeyboardInterrupt:
        click.echo(f"\n{production.reached(again)}", err=True)
        raise
    return counts, 0.0 if production.nothing_left else time.monotonic() - began


def _dirt(wish: Wish) -> Dirt:
    usual = TAKEN if wish.to == "parquet" else USUAL
    return dataclasses.replace(CLEAN if wish.clean else usual, **wish.rates)


def _sink(wish: Wish, worlds: Sequence[World], folder: WorldFolder, found: Settings) -> Sink:
    from proof.world.parts import LINES, TABLE
    from proof.world.sink import Sink

    if wish.to == "lake":
        from proof.world.sink_lake import LakeSink

        return LakeSink(folder, worlds, found)
    if wish.to == "kafka":
        from proof.world.sink_kafka import KafkaSink

        return KafkaSink(folder, worlds, found, _pace(wish), lambda text: click.echo(text, err=True))
    return Sink(folder, LINES if wish.to == "jsonl" else TABLE)


def _pace(wish: Wish) -> Pace:
    from proof.world.sink_kafka import Pace
    from streams.replay.sender import parse_speed

    speed = None if wish.speed is None else parse_speed(wish.speed)
    return Pace(None if wish.rate is None else parse_rate(wish.rate), speed)


def parse_rate(text: str) -> float:
    """Events per second.

    >>> parse_rate("5000/s")
    5000.0
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(?:/\s*s)?\s*", text)
    rate = float(found[1]) if found else 0.0
    if rate <= 0:
        raise UserError(f"{text!r} is no rate. Write --rate 5000/s for so many events per second, or leave it out.")
    return rate


def _tell(wish: Wish, out: Path, counts: Mapping[str, Any], seconds: float) -> None:
    """The path (or all counts as JSON) on stdout, a few sentences on stderr."""
    if wish.report:
        click.echo(str(out), err=True)
    elif wish.as_json:
        told = {"out": str(out), "to": wish.to, **counts, "seconds": round(seconds, 3)}
        click.echo(json.dumps(told))
    else:
        click.echo(str(out))
    everyone = wish.customers * len(wish.codes)
    pace = f" in {seconds:.1f} s ({counts['events'] / seconds:,.0f} events/s)" if seconds else ""
    who = f"{everyone:,} customers of {', '.join(wish.codes)}"
    click.echo(f"Invented {counts['events']:,} events of {who}{pace}.", err=True)
    dirt = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts["dirt"].items() if count)
    click.echo(f"Dirt: {dirt or 'none'}.", err=True)
    _advise(wish, counts)


def _advise(wish: Wish, counts: Mapping[str, Any]) -> None:
    refused = sum(counts["dirt"].get(name, 0) for name in ("ahead", "unknown_country", "corrupt"))
    if wish.to == "lake":
        reasons = ", ".join(f"{name} {count:,}" for name, count in counts["refused"].items())
        click.echo(f"Refused, as consumers would: {reasons or 'none'}.", err=True)
        click.echo("`cerebro up` builds the rows; where it is up already, `cerebro rebuild` does.", err=True)
    elif refused and wish.to == "kafka":
        click.echo(f"Consumers will put {refused:,} of them into the dead letters.", err=True)
    elif refused:
        click.echo(f"Consumers refuse {refused:,} of them: replay with --keep-bad.", err=True)

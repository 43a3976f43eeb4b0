"""Compare what lies on disk with the hashes that were taken when it was written."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from scv.events.country import Country
    from scv.settings import Settings
    from scv.stamp import Written
    from terminal.bar import Bar

COLUMNS = ("what", "country", "files", "bytes", "ms", "wrong", "without a hash")


class Wrong(NamedTuple):
    """A file that is not what was written: which, why, and what mends it."""

    path: str
    why: str
    mends: str


class Checked:
    """What was compared of one kind and country."""

    def __init__(self, kind: str, country: str) -> None:
        self.kind, self.country = kind, country
        self.files = self.bytes = self.wrong = self.without = 0
        self.seconds = 0.0

    def cells(self) -> tuple[object, ...]:
        """In the order of `COLUMNS`."""
        ms = round(self.seconds * 1000, 1)
        return self.kind, self.country or "-", self.files, self.bytes, ms, self.wrong, self.without


@click.command(short_help="Compare lake, snapshots, bundles and exports with their hashes.")
@click.argument("codes", nargs=-1, metavar="[COUNTRY…]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(codes: tuple[str, ...], as_json: bool) -> int:
    """Read every file of lake, snapshots, bundles and exports, and compare it with the hash taken when it was written.

    Of all countries, or of those named (the lake's own log is everybody's). Exit 1 where a file is not what was
    written or is gone; stderr says which, and the command that mends it. Nothing is changed.

    \b
    Example:
      cerebro verify
      cerebro verify US --json
    """
    from scv import settings as known
    from terminal import listing
    from terminal.arguments import the_countries
    from terminal.bar import Bar

    settings = known.load()
    files = list(_written(settings, the_countries(codes, settings)))
    with Bar("Reading files") as bar:
        counts, wrong = _compared(files, bar)
    if as_json:
        table = [dict(zip(COLUMNS, count.cells(), strict=True)) for count in counts]
        click.echo(json.dumps({"checked": table, "wrong": [one._asdict() for one in wrong]}))
    else:
        listing.show(COLUMNS, [count.cells() for count in counts])
    for one in wrong:
        click.echo(f"{one.path}: {one.why}. {one.mends}.", err=True)
    if any(count.kind == "lake" and count.without for count in counts):
        click.echo("What the lake holds without a hash gets one when `cerebro consume lake` starts.", err=True)
    return 1 if wrong else 0


def _written(settings: Settings, countries: Sequence[Country]) -> Iterator[Written]:
    from scorer.tuesday.week import Folder
    from scv.model import bundle
    from scv.offline import snapshot, sums
    from scv.offline.lake import Lake

    codes = {"", *(country.code for country in countries)}
    yield from (one for one in sums.written(Lake(settings.lake_path)) if one.country in codes)
    for country in countries:
        yield from snapshot.written(settings.snapshots_path, country)
        yield from bundle.written(settings, country)
        yield from Folder(settings.exports_url, country).written()


def _compared(files: Sequence[Written], bar: Bar) -> tuple[list[Checked], list[Wrong]]:
    counts: dict[tuple[str, str], Checked] = {}
    wrong = []
    for done, one in enumerate(files, 1):
        count = counts.setdefault((one.kind, one.country), Checked(one.kind, one.country))
        begun = time.perf_counter()
        size, why = _measured(one)
        count.seconds += time.perf_counter() - begun
        count.files += 1
        count.bytes += size
        count.without += not (one.sha256 or why)
        if why:
            count.wrong += 1
            wrong.append(Wrong(one.path, why, one.mends))
        bar.at(done, len(files))
    return list(counts.values()), wrong


def _measured(one: Written) -> tuple[int, str]:
    """A file's size, and what is wrong with it."""
    if one.why:
        return 0, one.why
    try:
        size, sha256 = one.measure()
    except FileNotFoundError:
        return 0, "it is gone"
    return size, "" if sha256 == one.sha256 or not one.sha256 else "it is not what was written"

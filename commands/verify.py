"""Compare what lies on disk with the hashes that were taken when it was written."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import click

from scv import settings as known
from scv.events.country import Country
from scv.settings import Settings
from scv.stamp import Written
from terminal import listing
from terminal.arguments import the_countries
from terminal.bar import Bar


@click.command()
@click.argument("codes", nargs=-1, metavar="[COUNTRY…]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(codes: tuple[str, ...], as_json: bool) -> int:
    """Read every file of lake, snapshots, bundles, exports and served vectors, and compare it with its hash of when it
    was written.

    Of all countries, or of those named (the lake's own log and the vectors are everybody's). Exit 1 where a file is
    not what was written or is gone; stderr says which, and the command that mends it. Nothing is changed.

    \b
    Example:
      cerebro verify
      cerebro verify US --json
    """
    from scv.offline.lake_version import entered

    settings = known.load()
    with Bar("Reading files") as bar, entered(settings.lake_path):  # inside, nothing is vacuumed
        files = list(_written(settings, the_countries(codes, settings)))
        checked, wrong = _compared(files, bar)
    if as_json:
        click.echo(json.dumps({"checked": checked, "wrong": wrong}))
    else:
        columns = ("what", "country", "files", "bytes", "ms", "wrong", "without a hash")
        listing.show(columns, [[row[name] for name in columns] for row in checked])
    for one in wrong:
        click.echo(f"{one['path']}: {one['why']}. {one['mends']}.", err=True)
    if any(row["what"] == "lake" and row["without a hash"] for row in checked):
        click.echo("What the lake holds without a hash gets one when `cerebro consume lake` starts.", err=True)
    return 1 if wrong else 0


def _written(settings: Settings, countries: Sequence[Country]) -> Iterator[Written]:
    from scorer.feedback import lists
    from scorer.served import vector_file
    from scorer.tuesday.week import Folder
    from scv.model import bundle, training_file, week_file
    from scv.offline import snapshot, sums, tombstones
    from scv.offline.lake import Lake

    codes = {"", *(country.code for country in countries)}
    yield from (one for one in sums.written(Lake(settings.lake_path)) if one.country in codes)
    yield from tombstones.written(settings.lake_path)
    yield from vector_file.written(settings.vectors_path)
    for country in countries:
        yield from snapshot.written(settings.snapshots_path, country)
        yield from bundle.written(settings, country)
        yield from Folder(settings.exports_url, country).written()
        yield from training_file.written(settings, country)
        yield from week_file.written(settings, country)
        yield from lists.written(settings, country)


def _compared(files: Sequence[Written], bar: Bar) -> tuple[list[dict[str, object]], list[dict[str, str]]]:
    """What was compared of each kind and country, and the files that are not what was written: why, what mends them."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    wrong = []
    for done, one in enumerate(files, 1):
        begun = time.perf_counter_ns()
        size, why = _measured(one)
        count = counts[one.kind, one.country]
        count.update({"files": 1, "bytes": size, "ns": time.perf_counter_ns() - begun})
        count.update({"wrong": int(bool(why)), "without a hash": int(not (one.sha256 or why))})
        if why:
            wrong.append({"path": one.path, "why": why, "mends": one.mends})
        bar.at(done, len(files))
    checked = [
        {"what": kind, "country": country or "-", "ms": round(count.pop("ns") / 1e6, 1), **count}
        for (kind, country), count in counts.items()
    ]
    return checked, wrong


def _measured(one: Written) -> tuple[int, str]:
    """A file's size, and what is wrong with it."""
    if one.why:
        return 0, one.why
    try:
        size, sha256 = one.measure()
    except FileNotFoundError:
        return 0, "it is gone"
    return size, "" if sha256 == one.sha256 or not one.sha256 else "it is not what was written"

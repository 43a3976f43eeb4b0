"""One piece of a job as a process of its own: the same code as `cerebro fetch`, so that what dies with it is a cell.

`python -m console.work` reads a `Piece` as a line of JSON and says a `Cell` a line. It ends with whoever started it:
when its standard input does.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from console.jobs import Cell
from console.order import FetchPlan
from scv import machine
from scv.events import calendar
from scv.events import country as countries
from scv.events.country import Country
from scv.features import fetcher
from scv.offline.fetch import fetch, look
from scv.offline.job import Done, Job, Listener
from scv.offline.snapshot import SnapshotManifest
from scv.settings import load

FAILED = 3
"""The exit code where the last line says why."""
Say = Callable[[object], None]


class PieceTrouble(msgspec.Struct, frozen=True):
    """Why the whole piece came to nothing."""

    trouble: str


def work(piece: FetchPlan, say: Say) -> None:
    """Fetch a piece; `say` hears each cell when it begins and when it ends, from any thread."""
    settings = load()
    wanted = {countries.load(code, settings.countries_path): ats for code, ats in piece.references.items()}
    progress = Listener(
        kept=functools.partial(_say_kept, say),
        begun=functools.partial(_say_begun, say),
        ended=functools.partial(_say_ended, say),
    )
    if piece.fetchers:
        look(settings, wanted, [fetcher.get(name) for name in piece.fetchers], piece.workers, progress)
    else:
        fetch(settings, wanted, piece.workers, progress=progress)


def _say_kept(say: Say, country: Country, made: Mapping[datetime, SnapshotManifest]) -> None:
    for at, one in made.items():
        for name, rows in one.rows.items():
            label = calendar.label(at, country)
            say(Cell(country=country.code, date=label, fetcher=name, state="kept", rows=rows))


def _say_ended(say: Say, done: Done) -> None:
    for at in done.job.references:
        state = "failed" if done.error else "kept" if at in done.kept else "done"
        place = {"country": done.job.country.code, "date": calendar.label(at, done.job.country), "state": state}
        seconds = None if state == "kept" else round(done.seconds, 3)
        facts = {"fetcher": done.fetcher, "rows": done.rows.get(at), "seconds": seconds, "error": done.error}
        say(msgspec.convert(place | facts, Cell))


def _say_begun(say: Say, job: Job, name: str) -> None:
    for at in job.missing(name):
        say(Cell(country=job.country.code, date=calendar.label(at, job.country), fetcher=name, state="running"))


def main() -> int:
    """Do the piece that stands on standard input."""
    lock, out = threading.Lock(), os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is talk

    def say(one: object) -> None:
        with lock:
            out.write(msgspec.json.encode(one) + b"\n")

    piece = msgspec.json.decode(sys.stdin.buffer.readline(), type=FetchPlan)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        work(piece, say)
        return 0
    except Exception as error:
        ours = machine.translate(error)
        if ours is None:
            raise
        say(PieceTrouble(str(ours)))
        return FAILED


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 4096):  # not through its buffer, whose lock the interpreter's end would wait for
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())

"""How the lake grows under live traffic: `python -m bench.growth` plays ten minutes of it as fast as it goes.

The commits are those that a lake consumer would make in that time; nothing waits.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from proof import figures
from proof.figures import Figure
from scv.events import event
from scv.events.arrival import arrival_of
from scv.events.country import load
from scv.events.event import Event
from scv.offline.lake import Lake
from scv.online.facts import Log
from streams.kafka.log import Part
from streams.lake.consumer import FLUSH_S
from streams.lake.writer import Buffer, LakeWriter
from terminal import listing

NAME = "growth"
RATE, MINUTES = 200, 10
BEGIN = datetime(2017, 3, 1, 12, tzinfo=UTC)
COLUMNS = ("what", "ours", "peer", "ratio", "bar", "verdict")


@dataclass
class Growth:
    """What a lake came to. `events_bytes` are those of the records; `written` by this process, all in all.

    `worst_share`: bytes on disk by those that are live, the worst of the second half, for at first there is next to
    nothing; `most_files`: live ones of all tables together, the most ever.
    """

    events: int = 0
    events_bytes: int = 0
    commits: int = 0
    live: int = 0
    disk: int = 0
    written: int = 0
    worst_share: float = 0.0
    most_files: int = 0


def play(folder: Path, rate: int = RATE, seconds: float = MINUTES * 60, flush_s: float = FLUSH_S) -> Growth:
    """Events of every family, one partition each, at a rate (a second), committed every `flush_s` seconds."""
    lake, came, country = Lake(folder), Growth(), load("US")
    writers = {
        family: LakeWriter(lake, Log(family=family, epoch=1, topic_id="0" * 32, partitions=1))
        for family in event.FAMILIES
    }
    ends, events, before = dict.fromkeys(writers, 0), _events(rate), _written()
    rounds = round(seconds / flush_s)
    for number in range(rounds):
        buffers = {family: Buffer(family, 1) for family in writers}
        for _ in range(round(rate * flush_s)):
            family, one = next(events)
            came.events, came.events_bytes = came.events + 1, came.events_bytes + len(event.encode(one))
            part, offset = Part(family, 0), ends[family] + len(buffers[family].rows)
            buffers[family].add(part, offset, arrival_of(one, country))
        for family, buffer in buffers.items():
            start, ends[family] = ends[family], ends[family] + len(buffer.rows)
            writers[family].append(buffer.table(), {Part(family, 0): start}, {Part(family, 0): ends[family]})
            came.commits += 1
        _look(folder, lake, came, settled=2 * number >= rounds)
    came.written = _written() - before
    return came


def _look(folder: Path, lake: Lake, came: Growth, settled: bool) -> None:
    live = [Path(file) for family in event.FAMILIES if (table := lake.table(family)) for file in table.file_uris()]
    came.live = sum(file.stat().st_size for file in live)
    came.disk = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    came.most_files = max(came.most_files, len(live))
    if settled:
        came.worst_share = max(came.worst_share, came.disk / came.live)


def _written() -> int:
    """Bytes that this process gave to the system to write, as Linux counts them."""
    said = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(said["wchar"])


def _events(rate: int) -> Iterator[tuple[str, Event]]:
    dice, families, number = random.Random(7), list(event.FAMILIES), 0
    while True:
        family, at = dice.choice(families), BEGIN + timedelta(seconds=number / rate)
        own: dict[str, Any] = {"id": f"{dice.getrandbits(64):016x}", "customer_id": f"c{dice.randrange(2_000):07}"}
        common = own | {"country": "US", "occurred_at": at, "seen_at": at + timedelta(milliseconds=dice.randrange(900))}
        yield family, _event(dice, family, common)
        number += 1


def _event(dice: random.Random, family: str, common: dict[str, Any]) -> Event:
    cents, on = dice.randrange(500, 9_000), (BEGIN + timedelta(days=dice.randrange(20))).date()
    match family:
        case "app":
            return event.Session(**common, duration_s=dice.randrange(900), device_brand="Fairphone")
        case "orders":
            return event.Placed(**common, amount_cents=cents, items=dice.randrange(1, 9), box_size="M")
        case "payments":
            return event.Charged(**common, method=dice.choice(["card", "paypal"]), amount_cents=cents)
        case "support":
            return event.Rating(**common, stars=dice.randrange(1, 6))
        case "subscription":
            return event.Skipped(**common, delivery_on=on)
        case "profile":
            return event.ProfileSet(**common, birth_year=dice.randrange(1940, 2000), sex=dice.choice("fm"))
        case "mail":
            return event.MailSent(**common, campaign=dice.choice(["spring", "welcome"]))
        case _:
            return event.Outcome(**common, channel="phone", reached=dice.random() < 0.5)


def rows(came: Growth) -> list[Figure]:
    """The figures, and the bars that they have to reach."""
    end, times = came.disk / came.live, came.written / came.events_bytes
    return [
        Figure(name="events", ours=came.events, unit=f"in {came.commits:,} commits"),
        _bar("disk / live in the end", end, 1.5),
        _bar("disk / live, the worst of the second half", came.worst_share, 1.5),
        _bar("live files of all tables, the most", came.most_files, 60),
        _bar("bytes written / bytes of events", times, 3),
        Figure(name="live", ours=round(came.live / 1e6, 2), unit="MB"),
        Figure(name="written / live", ours=round(came.written / came.live, 2)),
    ]


def _bar(name: str, ours: float, most: float) -> Figure:
    return Figure(name=name, ours=round(ours, 2), bar=f"≤ {most:g}", ok=ours <= most)


@click.command()
@click.option("--minutes", type=float, default=MINUTES, show_default=True)
@click.option("--rate", type=int, default=RATE, show_default=True, help="Events a second.")
@click.option("--figures", "folder", type=click.Path(path_type=Path), default=figures.FOLDER, show_default=True)
def main(minutes: float, rate: int, folder: Path) -> None:
    """Play live traffic into a lake; figures in growth.json."""
    with tempfile.TemporaryDirectory(prefix="cerebro-growth-") as scratch:
        figures.write(NAME, rows(play(Path(scratch), rate, minutes * 60)), folder)
    listing.show(COLUMNS, [figures.cells(row) for row in figures.read(NAME, folder)])


if __name__ == "__main__":
    main(prog_name="python -m bench.growth")

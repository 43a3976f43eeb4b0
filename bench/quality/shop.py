"""The shops that the champions are judged on: a history in the lake, and the Tuesdays that nobody trained on."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from bench.world import World, say
from local.demo import story
from local.quality import Span
from scv.events import calendar, country
from scv.events.country import Country
from scv.settings import PREFIX, Settings
from streams.lake.consumer import LakeConsumer
from tests.streams import cdnow

CLI = Path(__file__).parents[2] / "cli.py"


@dataclass(frozen=True)
class Shop:
    """`frozen`, `last` and `known`: the local days of a `Span`. `tuned`: what of ours was chosen by looking at it."""

    code: str
    frozen: str
    last: str
    known: str
    tuned: str
    fill: Callable[[World, Settings], None]

    @contextmanager
    def opened(self, world: World, name: str) -> Iterator[tuple[Settings, Country, Span]]:
        """Its lake, filled, in a home of its own that goes with the world."""
        settings = world.settings(name)
        say(f"{name}: filling its lake …")
        self.fill(world, settings)
        place = country.load(self.code, settings.countries_path)
        yield settings, place, Span(*(calendar.reference(day, place) for day in (self.frozen, self.last, self.known)))


def replayed(
    events: Callable[[World, Settings], Path], world: World, settings: Settings, until: datetime | None = None
) -> None:
    """Send the events of a file, complete to an instant, and take them into the lake."""
    world.replay(events(world, settings), settings, until)
    LakeConsumer(settings, say).run(threading.Event(), until_idle=True)


def _cdnow(_: World, settings: Settings) -> Path:
    cdnow.write_country(settings.countries_path)
    path = settings.home_path / "events.parquet"
    cdnow.orders().to_parquet(path)
    return path


def simulate(settings: Settings, customers: int, weeks: int, seed: int) -> None:
    """Fill the lake of a home with an invented ZZ."""
    words = ["simulate", "--to", "lake", "--workers", "2", "--out", str(settings.home_path / "world")]
    words += ["--customers", str(customers), "--weeks", str(weeks), "--seed", str(seed)]
    home = {PREFIX + "HOME": str(settings.home_path)}
    subprocess.run([sys.executable, str(CLI), *words], env=os.environ | home, stdout=subprocess.DEVNULL, check=True)


def _simulated(customers: int, weeks: int, seed: int, _: World, settings: Settings) -> None:
    simulate(settings, customers, weeks, seed)


def shops(customers: int, weeks: int, seeds: tuple[int, ...]) -> Mapping[str, Shop]:
    """Name → shop; the simulated ones are of so many customers and weeks."""
    demo = Shop(
        "US", story.FROZEN, story.LAST, story.END, "horizon, columns, default recipe and the grid of the search",
        partial(replayed, lambda world, _: world.events),
    )  # fmt: skip
    british = Shop("GB", "1997-12-30", "1998-03-31", "1998-07-28", "nothing", partial(replayed, _cdnow))
    invented = {
        f"simulated, seed {seed}": Shop(
            "ZZ", "2017-06-06", "2017-09-05", "2017-10-10", "nothing (its columns were made for such shops)",
            partial(_simulated, customers, weeks, seed),
        )
        for seed in seeds
    }  # fmt: skip
    return {"completejourney": demo, "CDNOW": british} | invented

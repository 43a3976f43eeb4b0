"""The training set of a week: with what the week before kept, beside all of it made anew."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bench.quality.shop import simulate
from bench.searching import FROZEN, TARGET
from bench.timing import fact, faster
from bench.world import US, World, say
from feature_repo.feast_store import apply
from proof.figures import Figure
from scv.events import calendar, country
from scv.events.calendar import add_days
from scv.events.country import Country
from scv.offline.fetch import fetch
from scv.settings import Settings
from scv.targets import target
from scv.targets.target import Target
from trainer import past
from trainer.dataset import TrainingSet

BAR = 20
ZZ = country.load("ZZ")
SEED = 7
SIXTY = "2017-10-10"
"""When sixty weeks of the invented country are over."""


@dataclass(frozen=True)
class Shop:
    """A lake, and what is learned from it on a Monday."""

    name: str
    country: Country
    lake: Path
    now: datetime
    targets: Sequence[Target]


def run(world: World) -> list[Figure]:
    """The figures. The bar is for a country of the size that a company has: on the demo's few rows most of a week's
    seconds are those that any week costs."""
    demo = Shop("demo", US, world.snapshots.lake_path, calendar.reference(FROZEN, US), [target.get(TARGET)])
    figures = [*_measured(world, demo, None), *_measured(world, _subscribers(world), BAR)]
    return [fact("training set: compared", "equal to the last bit"), *figures]


def _subscribers(world: World) -> Shop:
    """An invented country, with all its targets."""
    size = world.size
    say(f"Inventing {size.subscribers:,} customers …")
    base = world.settings("subscribers")
    base.home_path.mkdir()
    simulate(base, size.subscribers, size.weeks, SEED)
    now = add_days(calendar.reference(SIXTY, ZZ), 7 * (size.weeks - 60), ZZ.zone)
    return Shop("invented", ZZ, base.lake_path, now, target.of_country(ZZ))


def _measured(world: World, shop: Shop, bar: float | None) -> Iterator[Figure]:
    """When outcomes come the snapshot is long there: its Tuesday's file took it."""
    say(f"{shop.name}: a training set anew, and the week after another …")
    kept, earlier = _home(world, shop, "kept"), shop.now - timedelta(days=7)
    _read(kept, shop, earlier)
    fetch(kept, {shop.country: [earlier - timedelta(days=7 * back) for back in range(14)]})
    weekly, same = _read(kept, shop, shop.now)
    anew, rows = _read(_home(world, shop, "anew"), shop, shop.now)
    for mine, theirs in zip(same, rows, strict=True):
        assert mine.matrix.tobytes() == theirs.matrix.tobytes() and mine.y.tobytes() == theirs.y.tobytes()
    weeks, count = max(len(one.references) for one in rows), sum(map(len, rows))
    what = f"training set, {shop.name}, {count:,} rows of {weeks} Tuesdays: with the week before's / anew"
    yield faster(what, weekly, anew, "s of CPU", bar)


def _home(world: World, shop: Shop, name: str) -> Settings:
    """A home with the shop's lake and nothing else."""
    settings = world.settings(f"{shop.name}-{name}")
    settings.home_path.mkdir()
    settings.lake_path.symlink_to(shop.lake)
    return settings


def _read(settings: Settings, shop: Shop, at: datetime) -> tuple[float, list[TrainingSet]]:
    """Seconds of CPU, all threads, and the rows of each target."""
    store = apply(settings)
    began = time.process_time()
    with past.read(settings, shop.country, shop.targets, at, store) as known:
        rows = [known.rows(one) for one in shop.targets]
    return time.process_time() - began, rows

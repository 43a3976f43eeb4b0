"""The training set of a week: with what the week before kept, beside all of it made anew."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from bench.searching import FROZEN, TARGET
from bench.timing import fact, faster
from bench.world import US, World, say
from feature_repo.feast_store import apply
from proof.figures import Figure
from scv.events import calendar
from scv.offline.fetch import fetch
from scv.settings import Settings
from scv.targets import target
from trainer import past
from trainer.dataset import TrainingSet

BAR = 20


def run(world: World) -> list[Figure]:
    """The figures, on the demo's rows. When outcomes come the snapshot is long there: its Tuesday's file took it."""
    now = calendar.reference(FROZEN, US)
    say("Making a training set anew, and the week after another …")
    kept = _home(world, "kept")
    _read(kept, now - timedelta(days=7))
    fetch(kept, {US: [now - timedelta(days=7 * back) for back in range(14)]})
    weekly, same = _read(kept, now)
    anew, rows = _read(_home(world, "anew"), now)
    assert same.matrix.tobytes() == rows.matrix.tobytes() and same.y.tobytes() == rows.y.tobytes()
    what = f"training set, {len(rows):,} rows of {len(rows.references)} Tuesdays: with the week before's / anew"
    return [fact("training set: compared", "equal to the last bit"), faster(what, weekly, anew, "s of CPU", BAR)]


def _home(world: World, name: str) -> Settings:
    """A home with the world's lake and nothing else."""
    settings = world.settings(name)
    settings.home_path.mkdir()
    settings.lake_path.symlink_to(world.snapshots.lake_path)
    return settings


def _read(settings: Settings, at: datetime) -> tuple[float, TrainingSet]:
    """Seconds of CPU, all threads, and the rows."""
    asked, store = target.get(TARGET), apply(settings)
    began = time.process_time()
    with past.read(settings, US, [asked], at, store) as known:
        rows = known.rows(asked)
    return time.process_time() - began, rows

"""The demo's stage: the whole performance, over an emptied HOME, and beside us the commands that keep running."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.demo.narrator import Narrator
from local.services.workers import READY_S, worker
from scv import settings as configuration
from scv.errors import UserError
from scv.settings import PREFIX, Settings
from store.heartbeat import members

MARK = ".demo"
"""Stands in a folder that the demo made and may empty again."""
PATIENCE_S = 40.0
UP = "The services are up; `.venv/bin/cerebro down` stops them. Three commands to go on with:"
DOWN = "The services are stopped; `.venv/bin/cerebro up --all` starts them again over the same files. Then:"
NEXT = (
    "cerebro score US {}",
    "cerebro fetch US -d 2017-09-05 --out scv.csv",
    "feast -c feature_repo feature-views list",
)
PAGES = "`.venv/bin/cerebro console` shows all of it as pages, that household on http://{}/customers?country=US&id={}"


def perform(run: Callable[[Sequence[str]], int], broker: str, store: str, keep: bool) -> None:
    """All of the demo; `run` as the narrator wants it. The services go on afterwards if we are to `keep` them."""
    narrator = Narrator(run)
    narrator.step(f"cerebro up --all --broker {broker} --store {store} &")
    with up(broker, store, keep) as settings:
        from local.demo.story import Story  # loads Feast, which takes seconds: not before it is known to be told

        household = Story(narrator, settings).play()
    lines = [f"  .venv/bin/{line.format(household)}" for line in NEXT]
    narrator.show("Now you", UP if keep else DOWN, *lines, PAGES.format(settings.console, household))
    narrator.recap()


@contextmanager
def up(broker: str, store: str, keep: bool) -> Iterator[Settings]:
    """`cerebro up --all` over an emptied HOME inside the `with`; after a good end it goes on if we are to `keep` it.

    Raises UserError where HOME holds something that no demo wrote.
    """
    home = configuration.load().home_path
    _empty(home)
    file, line = configuration.services_file(home), ["up", "--all", "--broker", broker, "--store", store]
    child = worker("up", line, home / "services", {}, outlives=keep)
    try:
        child.start()
        child.wait_ready(lambda: f"{PREFIX}SCORER" in file.read_text(encoding="utf-8"), READY_S)
        yield configuration.load()
        if keep:
            child.let_go()
    finally:
        child.stop(patience_s=PATIENCE_S)


@contextmanager
def react(settings: Settings, store: Any) -> Iterator[None]:
    """`cerebro react` inside the `with`, which begins once it hears. `store` is a connected client."""
    child = worker("reactor", ["react"], settings.home_path / "services", {})
    try:
        child.start()
        child.wait_ready(lambda: bool(members(store, "reactor")), READY_S)
        yield
    finally:
        child.stop()


def _empty(home: Path) -> None:
    if home.exists() and any(home.iterdir()) and not (home / MARK).exists():
        raise UserError(
            f"{home} holds something that no demo wrote, and the demo begins with an empty folder. "
            "Move it away, or set CEREBRO_HOME to another folder."
        )
    if configuration.services_file(home).exists():
        raise UserError(f"Services of {home} run. `cerebro down` stops them; then start the demo again.")
    for path in home.iterdir() if home.exists() else ():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    home.mkdir(parents=True, exist_ok=True)
    (home / MARK).touch()

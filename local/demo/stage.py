"""The demo's stage: an emptied HOME, and beside us the commands that keep running."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.services.workers import READY_S, worker
from scv import settings as configuration
from scv.errors import UserError
from scv.settings import PREFIX, Settings
from store import heartbeat

MARK = ".demo"
"""Stands in a folder that the demo made and may empty again."""
PATIENCE_S = 40.0


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
        child.wait_ready(lambda: heartbeat.read(store, "reactor") is not None, READY_S)
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

"""The consumers, where they run: waiting until they have taken in what there is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import click

from scv.settings import Settings
from terminal.bar import Bar

PAUSE_S = 0.2


def wait(settings: Settings, client: Any, starting: Callable[[], bool]) -> bool:
    """Wait until both stand at the end of the log, and say so; False where one gives no sign of life and is not
    `starting`.
    """
    from scv.offline.lake import Lake
    from scv.online.rowstore import RowStore
    from store.client import UNWELL
    from store.heartbeat import members
    from streams.positions.barrier import barrier

    try:
        while True:
            coming = starting()  # asked first: who came up since then has a sign of life
            if all(members(client, group) for group in ("online", "lake")):
                break
            if not coming:
                return False
            time.sleep(PAUSE_S)
    except UNWELL:
        return False
    with Bar("taking in") as bar:
        reached = barrier(settings, RowStore(client), Lake(settings.lake_path), progress=bar.at)
    click.echo(f"Both consumers stand there ({reached.seconds:.1f} s).", err=True)
    return True

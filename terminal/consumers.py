"""The consumers, where they run: waiting until they have taken in what there is."""

from __future__ import annotations

from typing import Any

import click

from scv.settings import Settings
from terminal.bar import Bar


def wait(settings: Settings, client: Any) -> bool:
    """Wait until both stand at the end of the log, and say so; False at once where one gives no sign of life."""
    from scv.offline.lake import Lake
    from scv.online.rowstore import RowStore
    from store import heartbeat
    from store.client import UNWELL
    from streams.positions.barrier import barrier

    try:
        if not all(heartbeat.read(client, name) for name in ("online", "lake")):
            return False
    except UNWELL:
        return False
    with Bar("taking in") as bar:
        reached = barrier(settings, RowStore(client), Lake(settings.lake_path), progress=bar.at)
    click.echo(f"Both consumers stand there ({reached.seconds:.1f} s).", err=True)
    return True

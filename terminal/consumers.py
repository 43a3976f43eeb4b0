"""The consumers, where they run: waiting until they have taken in what there is."""

from __future__ import annotations

from typing import Any

import click

from scv.settings import Settings


def run(client: Any) -> bool:
    """Do both consumers give signs of life?"""
    from store import heartbeat

    return all(heartbeat.read(client, name) for name in ("online", "lake"))


def wait(settings: Settings, client: Any) -> None:
    """Wait until both stand at the end of the log, and say so."""
    from scv.offline.lake import Lake
    from scv.online.rowstore import RowStore
    from streams.positions.barrier import barrier
    from terminal.bar import Bar

    with Bar("taking in") as bar:
        reached = barrier(settings, RowStore(client), Lake(settings.lake_path), progress=bar.at)
    click.echo(f"Both consumers stand there ({reached.seconds:.1f} s).", err=True)

"""`cerebro up`: the embedded broker and store, until Ctrl-C."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.services import Services
    from local.services.process import Child


@click.command("up")
@click.option("--broker", type=click.Choice(["tansu", "kafka"]), default="tansu", show_default=True)
@click.option("--store", type=click.Choice(["valkey", "redis"]), default="valkey", show_default=True)
@click.option("--all", "everything", is_flag=True, help="Also run both consumers and the scorer.")
def command(broker: str, store: str, everything: bool) -> None:
    """Start a broker and a store on this machine, and stay until Ctrl-C.

    tansu and valkey come with Cerebro and keep everything in memory; kafka needs Java 17 and Maven, redis needs
    redis-server. The other commands find them through services.env in CEREBRO_HOME. Where the lake holds events,
    every row is rebuilt from it first.

    \b
    Example:
      cerebro up --all
      cerebro up --broker kafka --store redis
    """
    from local.services import Services, interruptible
    from scv.settings import load

    try:
        with interruptible(), Services(broker, store, load().home_path) as services:
            open_log(services)
            serve(services, everything)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)


def open_log(services: Services) -> None:
    """Open the log's next epoch before a consumer reads: rows are rebuilt from what the lake holds."""
    from local.services import uninterrupted

    with uninterrupted():  # Ctrl-C inside DuckDB's import would abort the process before anything is stopped
        from scv.offline.lake import Lake
        from scv.online.rowstore import RowStore
        from scv.settings import load
        from store.client import connect
        from streams.positions.epoch import open_epoch

    settings = load({**os.environ, **services.environment()})
    open_epoch(settings, RowStore(connect(settings)), Lake(settings.lake_path), renew=True)


def serve(services: Services, everything: bool) -> None:
    """From ready to the end; returns only by an exception."""
    with ExitStack() as stack:
        children: Sequence[Child] = ()
        if everything:
            from local.services.workers import workers

            running = stack.enter_context(workers(services.folder, services.environment()))
            services.announce(running.environment)
            children = running.children
        for key, value in services.environment().items():
            click.echo(f"{key}={value}")
        what = f"{services.broker.name} and {services.store.name}" + (", consumers and scorer" if everything else "")
        click.echo(f"{what} are up. Logs: {services.folder}. Ctrl-C or `cerebro down` stops them.", err=True)
        services.watch(children)

"""Run a consumer: events into rows (online) or into the lake."""

from __future__ import annotations

import json
import time

import click

from scv import settings
from terminal.stopping import on_signal


@click.command()
@click.argument("consumer", type=click.Choice(["online", "lake"]))
@click.option("--until-idle", is_flag=True, help="End when nothing is left to read.")
@click.option("--once", is_flag=True, help="End after one batch.")
def command(consumer: str, until_idle: bool, once: bool) -> None:
    """Run a consumer until SIGTERM or Ctrl-C: `online` keeps the rows in the store, `lake` the tables of events.

    Any number of either may run; they share the partitions. What a consumer counted is printed as JSON when it ends.

    \b
    Example:
      cerebro consume online
      cerebro consume lake --until-idle
    """
    stop, started = on_signal(), time.monotonic()
    if consumer == "online":
        from streams.online.consumer import OnlineConsumer

        counters = OnlineConsumer(settings.load()).run(stop, until_idle, once)
    else:
        from streams.lake.consumer import LakeConsumer

        counters = LakeConsumer(settings.load()).run(stop, until_idle, once)
    click.echo(json.dumps(counters.facts() | {"seconds": round(time.monotonic() - started, 2)}))

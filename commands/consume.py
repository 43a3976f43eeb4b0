"""Run a consumer: events into rows (online) or into the lake."""

from __future__ import annotations

import faulthandler
import json
import time
from functools import partial
from typing import TYPE_CHECKING

import click

from scv import settings
from terminal import garbage
from terminal.log_format import begin, option
from terminal.stopping import on_signal

if TYPE_CHECKING:
    from telemetry.sample import Source

END_S = 15.0
"""For so long the process may take to end when its work is done: a client may wait for itself. Then it says where."""


@click.command()
@click.argument("consumer", type=click.Choice(["online", "lake"]))
@click.option("--until-idle", is_flag=True, help="End when nothing is left to read.")
@click.option("--once", is_flag=True, help="End after one batch.")
@option
def command(consumer: str, until_idle: bool, once: bool, log_format: str | None) -> None:
    """Run a consumer until SIGTERM or Ctrl-C: `online` keeps the rows in the store, `lake` the tables of events.

    Any number of either may run; they share the partitions. What a consumer counted is printed as JSON when it ends.

    \b
    Example:
      cerebro consume online
      cerebro consume lake --until-idle
    """
    garbage.few_arenas()
    begin(log_format, consumer)
    stop, started, config = on_signal(), time.monotonic(), settings.load()
    from store.client import GLANCE, client
    from streams.lake.consumer import LakeConsumer
    from streams.online.consumer import OnlineConsumer
    from streams.samples import DeadLetterSamples
    from telemetry.disk import disk
    from telemetry.endpoint import exposed
    from telemetry.watermarks import watermark_ages

    member = (OnlineConsumer if consumer == "online" else LakeConsumer)(config)
    with client(config, GLANCE, reads_only=True) as store:
        sources: dict[str, Source] = {"consumer": member.samples}
        if member.group == "online":
            sources["watermarks"] = partial(watermark_ages, store)
        else:
            sources |= {"disk": partial(disk, config), "dead-letters": DeadLetterSamples(config).samples}
        with exposed(config, member.group, sources):
            if not (until_idle or once):
                garbage.for_ever()
            try:
                counters = member.run(stop, until_idle, once)
            finally:
                if stop.is_set():  # asked to end, and not one of several commands of a process
                    faulthandler.dump_traceback_later(END_S, exit=True)
    click.echo(json.dumps(counters.facts() | {"seconds": round(time.monotonic() - started, 2)}))

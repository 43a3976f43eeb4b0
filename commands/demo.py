"""Run the whole path on real data: events, view, model, live score, Tuesday's file, feedback."""

from __future__ import annotations

import click


@click.command()
@click.option("--keep", is_flag=True, help="Leave the services up afterwards; `cerebro down` stops them.")
@click.option("--broker", type=click.Choice(["tansu", "kafka"]), default="tansu", show_default=True)
@click.option("--store", type=click.Choice(["valkey", "redis"]), default="valkey", show_default=True)
def command(keep: bool, broker: str, store: str) -> None:
    """Start everything on this machine, replay a year of grocery baskets through it, and show what comes out.

    It begins with an empty CEREBRO_HOME (a folder that holds anything else is refused) and leaves its files there.

    \b
    Example:
      cerebro demo --keep
    """
    from cli import run
    from local.demo.stage import perform
    from local.services import interruptible

    with interruptible():
        perform(run, broker, store, keep)

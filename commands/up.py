"""`cerebro up`: the embedded broker and store, until Ctrl-C."""

from __future__ import annotations

import click


@click.command()
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
    from local.services.running import open_log, serve
    from scv.settings import load

    try:
        with interruptible(), Services(broker, store, load().home_path) as services:
            open_log(services)
            serve(services, everything)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)

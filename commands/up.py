"""`cerebro up`: the embedded broker and store, until Ctrl-C or `cerebro down`."""

from __future__ import annotations

import click


@click.command()
@click.option("--broker", type=click.Choice(["tansu", "kafka"]), default="tansu", show_default=True)
@click.option("--store", type=click.Choice(["valkey", "redis"]), default="valkey", show_default=True)
@click.option("--all", "everything", is_flag=True, help="Also run both consumers and the scorer.")
@click.option("--tls", is_flag=True, help="With --all: the scorer is closed by keys of HOME/keys (`cerebro keys new`).")
@click.option("--detach", is_flag=True, help="Return once everything answers; `cerebro down` stops it.")
def command(broker: str, store: str, everything: bool, tls: bool, detach: bool) -> None:
    """Start a broker and a store on this machine, and stay until Ctrl-C.

    tansu and valkey come with Cerebro and keep everything in memory; kafka needs Java 17 and Maven, redis needs
    redis-server. The other commands find them through services.env in CEREBRO_HOME. Where the lake holds events,
    every row is rebuilt from it first. With --detach, what does not start is said with the last lines of its log, and
    nothing is left running. With --tls whoever calls the scorer needs a certificate or a token, and so does who asks a
    console that is started then; the other commands find theirs by themselves.

    \b
    Example:
      cerebro up --all --detach
      cerebro up --all --tls --detach
      cerebro up --broker kafka --store redis
    """
    from local.services import Services, interruptible, running
    from scv.errors import UserError
    from scv.settings import load

    if tls and not everything:
        raise UserError("--tls is about the scorer, which only --all starts.")
    home = load().home_path
    if detach:
        with interruptible():
            more = [option for option, on in (("--all", everything), ("--tls", tls)) if on]
            running.detach(home, ["--broker", broker, "--store", store, *more])
        return
    try:
        with interruptible(), Services(broker, store, home) as services:
            running.serve(services, everything, tls)
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)

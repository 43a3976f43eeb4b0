"""Serve live scores over gRPC until SIGTERM or Ctrl-C."""

from __future__ import annotations

import logging
import sys

import click

from scv.talk import say
from terminal import garbage
from terminal.log_format import begin, option


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Another port than CEREBRO_SCORER's; 0 takes a free one.")
@click.option("--host", help="Another address than CEREBRO_SCORER's.")
@click.option("--insecure", is_flag=True, help="Plain text, for callers of this machine alone.")
@click.option("--share-port", is_flag=True, help="Let other scorers listen on the same port: one for each core.")
@option
def command(port: int | None, host: str | None, insecure: bool, share_port: bool, log_format: str | None) -> None:
    """Serve live scores over gRPC until SIGTERM or Ctrl-C.

    Speaks cerebro.scorer.v1 (rpc/scorer.proto), grpc.health.v1 and reflection. A newly promoted champion answers within
    seconds. Callers are known by the files of CEREBRO_SCORER_KEYS (`cerebro keys new` makes some). On SIGTERM
    it turns NOT_SERVING, finishes the calls under way and exits 0. Of several with --share-port each may be started
    again in turn while calls run: one takes calls once it can answer, and what a leaving one had not begun goes to
    another.

    \b
    Example:
      cerebro serve
      cerebro serve --share-port
      cerebro serve --port 50052 --insecure
    """
    garbage.few_arenas()
    from commands.tuesday import warn_of_public_draw
    from scorer.live.server import DRAIN_S, Server
    from scv import settings as known
    from telemetry.endpoint import exposed

    if begin(log_format, "scorer"):
        logging.root.setLevel(logging.INFO)
    else:
        logging.basicConfig(
            stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
        )
    settings = known.load()
    set_host, _, set_port = settings.scorer.rpartition(":")
    server = Server(settings, f"{host or set_host}:{set_port if port is None else port}", insecure, share_port)
    server.stop_on_signals()
    warn_of_public_draw(settings)
    with exposed(settings, "scorer", {"calls": server.samples, "models": server.condition.samples}):
        server.start(say)
        garbage.for_ever()
        server.watch()
        say("Stopping: calls under way are finished.")
        server.stop(drain_s=DRAIN_S)

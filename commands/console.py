"""Serve the web API and its pages: customers, Tuesdays, models, jobs and dead letters, in a browser or over HTTP."""

from __future__ import annotations

import click

from scv.talk import say
from terminal import garbage
from terminal.log_format import begin, option


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Another port than CEREBRO_CONSOLE's; 0 takes a free one.")
@click.option("--host", help="Another address than CEREBRO_CONSOLE's.")
@click.option("--insecure", is_flag=True, help="Answer anybody, in plain text, on an address beyond loopback.")
@option
def command(port: int | None, host: str | None, insecure: bool, log_format: str | None) -> None:
    """Serve the web API and its pages until SIGTERM or Ctrl-C.

    Without keys it answers this machine alone, where everybody is the admin. With those of CEREBRO_CONSOLE_KEYS
    (`cerebro keys new` makes some) it speaks TLS, and everybody shows a token or a certificate, or logs in with one.

    The pages show how it stands, customers, Tuesdays, models, variables, jobs and dead letters; `cerebro api` prints a
    line of curl for everything that machines may ask (docs/console.md). A job that the end of the console interrupts
    goes on at its next start: what was written is kept.

    \b
    Example:
      cerebro console
      cerebro console --port 8090
    """
    garbage.few_arenas()
    from console.server import serve
    from operation.console_rooms import rooms
    from scv import settings as known
    from telemetry.endpoint import exposed

    begin(log_format, "console")
    settings = known.load()
    set_host, _, set_port = settings.console.rpartition(":")
    address = f"{host or set_host}:{set_port if port is None else port}"
    with exposed(settings, "console", {}):
        garbage.for_ever()
        serve(settings, address, insecure, rooms(settings), say)

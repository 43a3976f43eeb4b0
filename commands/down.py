"""Stop what `cerebro up` (or a kept demo) left running."""

from __future__ import annotations

import click


@click.command()
def command() -> None:
    """Stop the services of CEREBRO_HOME and wait until they are gone.

    \b
    Example:
      cerebro down
    """
    from local.services.running import stop
    from scv.settings import load

    home = load().home_path
    click.echo("Stopped." if stop(home) else f"Nothing runs in {home}.", err=True)

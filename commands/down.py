"""Stop what `cerebro up` (or a kept demo) left running."""

from __future__ import annotations

import os
import re
import signal
import time

import click

PATIENCE_S = 30.0


@click.command(short_help="Stop what `cerebro up` (or a kept demo) left running.")
def command() -> None:
    """Stop the services of CEREBRO_HOME and wait until they are gone.

    \b
    Example:
      cerebro down
    """
    from scv.errors import Unreachable
    from scv.settings import load, services_file

    path = services_file(load().home_path)
    found = re.search(r"^# process (\d+)$", path.read_text(encoding="utf-8"), re.M) if path.exists() else None
    if found is None:
        click.echo(f"Nothing runs: there is no {path}.", err=True)
        return
    pid, deadline = int(found[1]), time.monotonic() + PATIENCE_S
    try:
        os.kill(pid, signal.SIGTERM)
        while time.monotonic() < deadline:
            os.kill(pid, 0)
            time.sleep(0.1)
        raise Unreachable(f"Process {pid} does not stop. Look at its logs beside {path}.")
    except ProcessLookupError:
        path.unlink(missing_ok=True)  # a process that was killed could not remove it
    click.echo("Stopped.", err=True)

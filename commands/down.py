"""Stop what `cerebro up` (or a kept demo) left running."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import time
from pathlib import Path

import click

PATIENCE_S = 30.0


@click.command(short_help="Stop what `cerebro up` (or a kept demo) left running.")
def command() -> None:
    """Stop the services of CEREBRO_HOME and wait until they are gone.

    \b
    Example:
      cerebro down
    """
    from scv.settings import load, services_file

    path = services_file(load().home_path)
    found = re.search(r"^# process (\d+)$", path.read_text(encoding="utf-8"), re.M) if path.exists() else None
    if found is None:
        click.echo(f"Nothing runs: there is no {path}.", err=True)
        return
    pid = int(found[1])
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        path.unlink(missing_ok=True)  # a process that was killed could not remove it
    else:
        _wait(path.parent / "services", pid)
    click.echo("Stopped.", err=True)


def _wait(folder: Path, pid: int) -> None:
    """Until the services' lock is free: the kernel drops it with the process, also where nobody reaps that."""
    from scv.errors import Unreachable

    lock, deadline = os.open(folder, os.O_RDONLY), time.monotonic() + PATIENCE_S
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise Unreachable(f"Process {pid} does not stop. Look at the logs in {folder}.") from error
                time.sleep(0.1)
    finally:
        os.close(lock)

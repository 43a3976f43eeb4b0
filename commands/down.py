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
    from scv.errors import CerebroError, UserError
    from scv.settings import load, services_file

    path = services_file(load().home_path)
    folder = path.parent / "services"
    if not _held(folder):  # a killed process could not remove its file, and its number may be a stranger's by now
        if path.exists():
            path.unlink()
        click.echo(f"Nothing runs in {path.parent}.", err=True)
        return
    told = re.search(r"^# process (\d+)$", path.read_text(encoding="utf-8"), re.M) if path.exists() else None
    if told is None:
        raise CerebroError(f"The services of {path.parent} are about to start or to stop. Try again in a moment.")
    pid = int(told[1])
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        pass  # it ended by itself, this very moment
    except PermissionError as error:
        raise UserError(f"Process {pid}, which runs the services of {path.parent}, is another user's.") from error
    _wait(folder, pid)
    click.echo("Stopped.", err=True)


def _held(folder: Path) -> bool:
    """Does a process hold the services' lock? The kernel drops it with the process, however that ended."""
    try:
        lock = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _wait(folder: Path, pid: int) -> None:
    """Until the services' lock is free."""
    from scv.errors import Unreachable

    deadline = time.monotonic() + PATIENCE_S
    while _held(folder):
        if time.monotonic() > deadline:
            raise Unreachable(f"Process {pid} does not stop. Look at the logs in {folder}.")
        time.sleep(0.1)

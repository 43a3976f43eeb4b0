"""`cerebro up` from the log's opening to the end, and how another process brings that about."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from local.services import Services
from local.services.process import Child, uninterrupted
from scv.errors import CerebroError, Unreachable, UserError
from scv.settings import load, services_file

PATIENCE_S = 30.0


def open_log(services: Services) -> None:
    """Open the log's next epoch before a consumer reads: rows are rebuilt from what the lake holds."""
    with uninterrupted():  # Ctrl-C inside DuckDB's import would abort the process before anything is stopped
        from scv.offline.lake import Lake
        from scv.online.rowstore import RowStore
        from store.client import connect
        from streams.positions.epoch import open_epoch

    settings = load({**os.environ, **services.environment()})
    open_epoch(settings, RowStore(connect(settings)), Lake(settings.lake_path), renew=True)


def serve(services: Services, everything: bool) -> None:
    """Say where they are and watch over them, with both consumers and the scorer if `everything` is to run; returns
    only by an exception.
    """
    with ExitStack() as stack:
        children: Sequence[Child] = ()
        if everything:
            from local.services.workers import workers

            running = stack.enter_context(workers(services.folder, services.environment()))
            services.announce(running.environment)
            children = running.children
        for key, value in services.environment().items():
            click.echo(f"{key}={value}")
        what = f"{services.broker.name} and {services.store.name}" + (", consumers and scorer" if everything else "")
        click.echo(f"{what} are up. Logs: {services.folder}. Ctrl-C or `cerebro down` stops them.", err=True)
        services.watch(children)


def stop(home: Path) -> bool:
    """Stop the services of a home and wait until they are gone; False where nothing runs.

    Raises CerebroError while they start or stop, UserError for another user's, Unreachable where they do not end.
    """
    path, folder = services_file(home), home / "services"
    if not _held(folder):  # a killed process could not remove its file, and its number may be a stranger's by now
        path.unlink(missing_ok=True)
        return False
    told = re.search(r"^# process (\d+)$", path.read_text(encoding="utf-8"), re.M) if path.exists() else None
    if told is None:
        raise CerebroError(f"The services of {home} are about to start or to stop. Try again in a moment.")
    pid = int(told[1])
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        pass  # it ended by itself, this very moment
    except PermissionError as error:
        raise UserError(f"Process {pid}, which runs the services of {home}, is another user's.") from error
    deadline = time.monotonic() + PATIENCE_S
    while _held(folder):
        if time.monotonic() > deadline:
            raise Unreachable(f"Process {pid} does not stop. Look at the logs in {folder}.")
        time.sleep(0.1)
    return True


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

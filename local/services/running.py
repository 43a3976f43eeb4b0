"""`cerebro up` from the log's opening to the end, and how another process brings that about."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from local.services import Services
from local.services.process import Child, uninterrupted
from scv import atomic
from scv.errors import CerebroError, Unreachable, UserError
from scv.settings import load, services_file

PATIENCE_S = 30.0
LAST_S = 3.0
"""After its parts are gone a process takes a moment to end; one whose parent never asks for it stays listed."""
PAUSE_S = 0.1
USERS_MISTAKE = 2
START_S = 3600.0
"""Each part has a deadline of its own; only the rows' rebuilding may take as long as it takes."""
STARTING, READY = "starting", "ready"


def open_log(services: Services) -> None:
    """Open the log's next epoch before a consumer reads: rows are rebuilt from what the lake holds."""
    with uninterrupted():  # Ctrl-C inside DuckDB's import would abort the process before anything is stopped
        from scv.offline.lake import Lake
        from scv.online.rowstore import RowStore
        from store.client import connect
        from streams.positions.epoch import open_epoch

    settings = load({**os.environ, **services.environment()})
    open_epoch(settings, RowStore(connect(settings)), Lake(settings.lake_path), renew=True)


def serve(services: Services, everything: bool, tls: bool) -> None:
    """Open the log, say where they are and watch over them, with both consumers and the scorer if `everything` is to
    run, the scorer closed by keys if `tls`; returns only by an exception.
    """
    if everything:
        services.announce(STARTING)
    open_log(services)
    with ExitStack() as stack:
        children: Sequence[Child] = ()
        more: Mapping[str, str] = {}
        if everything:
            from local.services.workers import workers

            running = stack.enter_context(workers(services.folder, services.environment(), _keys(services.home, tls)))
            children, more = running.children, running.environment
        services.announce(READY, more)
        for key, value in services.environment().items():
            click.echo(f"{key}={value}")
        what = f"{services.broker.name} and {services.store.name}" + (", consumers and scorer" if everything else "")
        click.echo(f"{what} are up. Logs: {services.folder}. Ctrl-C or `cerebro down` stops them.", err=True)
        services.watch(children)


def _keys(home: Path, tls: bool) -> Mapping[str, str]:
    """The settings that lead scorer, console and callers to their keys, which are made where there are none."""
    if not tls:
        return {}
    from local import authority

    authority.make(home / "keys")
    return {variable: str(home / "keys" / part) for variable, part in authority.PARTS.items()}


def detach(home: Path, options: Sequence[str]) -> None:
    """Run `cerebro up` with these options as a process that goes on after us; returns once everything answers.

    Raises UserError where services of this home run, or as `up` did; Unreachable, with the last lines that it wrote,
    where a part does not start. Then nothing is left running.
    """
    from local.services.workers import worker

    if _state(home) and atomic.busy(home / "services"):
        raise UserError(f"Services of {home} run already. `cerebro down` stops them.")
    child = worker("up", ["up", *options], home / "services", {}, outlives=True)
    try:
        child.start()
        try:
            child.wait_ready(lambda: _state(home) == READY, START_S)
        except Unreachable as error:
            if child.code == USERS_MISTAKE:
                raise UserError(str(error)) from error
            raise
        said = services_file(home).read_text(encoding="utf-8")
        child.let_go()
    finally:
        child.stop(patience_s=PATIENCE_S)
    click.echo("\n".join(line for line in said.splitlines() if not line.startswith("#")))
    click.echo(f"Everything is up. Logs: {home / 'services'}. `cerebro down` stops it.", err=True)


def starting(home: Path) -> bool:
    """Is there a `cerebro up --all` of this home that has not come to its end yet?"""
    return _state(home) == STARTING and atomic.busy(home / "services")


def _state(home: Path) -> str:
    """How far the start is: `starting` (consumers and scorer, too), `ready`; '' where the file says nothing."""
    try:
        said = services_file(home).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    told = re.search(rf"^# ({STARTING}|{READY})$", said, re.M)
    return told[1] if told else ""


def stop(home: Path) -> bool:
    """Stop the services of a home and wait until they are gone; False where nothing runs.

    Raises CerebroError while they start or stop, UserError for another user's, Unreachable where they do not end.
    """
    path, folder = services_file(home), home / "services"
    if not atomic.busy(folder):  # a killed process could not remove its file, and its number may be a stranger's by now
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
    while atomic.busy(folder):
        if time.monotonic() > deadline:
            raise Unreachable(f"Process {pid} does not stop. Look at the logs in {folder}.")
        time.sleep(PAUSE_S)
    last = time.monotonic() + LAST_S
    while time.monotonic() < last and _lives(pid):
        time.sleep(PAUSE_S)
    return True


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

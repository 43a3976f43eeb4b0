"""The console on an address: binds loopback, tells where, and ends on SIGTERM and Ctrl-C."""

from __future__ import annotations

import contextlib
import ipaddress
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn

from console.app import LOCAL, make
from console.jobs import Jobs
from console.rooms import Rooms
from console.routes.feedback import SHEET
from console.runner import Runner
from scv import machine
from scv.atomic import alone
from scv.errors import UserError
from scv.settings import Settings

MOST_CONNECTIONS = 128
"""Above it a caller is refused with 503."""
GRACE_S = 5


def serve(settings: Settings, address: str, insecure: bool, rooms: Rooms, say: Callable[[str], None]) -> None:
    """Answer until a signal; a job at work then goes on at the next start.

    Raises UserError for an address that cannot be bound or is not loopback (unless `insecure`), and where another
    console is at work in this home.
    """
    folder = settings.home_path / "console"
    with _bound(address, insecure) as bound, _only_one(folder):
        jobs = Jobs(folder / "jobs.sqlite")
        try:
            app = make(settings, jobs, Runner(settings, jobs), rooms, () if insecure else LOCAL)
            host, port = bound.getsockname()[:2]
            say(f"Listening on http://{f'[{host}]' if ':' in host else host}:{port}")
            config = uvicorn.Config(
                app,
                lifespan="on",
                log_level="warning",
                access_log=False,
                server_header=False,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=GRACE_S,
            )
            uvicorn.Server(config).run(sockets=[bound])
        finally:
            jobs.close()


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    with machine.at(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with alone(folder, busy=f"Another console is at work in {folder}. End it first, or choose another CEREBRO_HOME."):
        for left in folder.glob(f"{SHEET}*"):  # of a console that was killed with somebody's sheet in hand
            shutil.rmtree(left, ignore_errors=True)
        yield


def _bound(address: str, insecure: bool) -> socket.socket:
    host, _, port = address.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise UserError(f"{address!r} is no host:port. Set CEREBRO_CONSOLE, for example to 127.0.0.1:8080.")
    if not insecure and not _loopback(host):
        raise UserError(
            f"{host} is not loopback, and the console speaks plain text and asks nobody who he is. "
            "Bind 127.0.0.1 and put a proxy in front, or accept it with --insecure."
        )
    bare = host.strip("[]")
    try:
        return socket.create_server((bare, int(port)), family=socket.AF_INET6 if ":" in bare else socket.AF_INET)
    except (OSError, UnicodeError) as error:
        raise UserError(
            f"{address} cannot be bound: it is taken, or not of this machine. Choose another --port."
        ) from error


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False

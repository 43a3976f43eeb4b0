"""The console on an address: binds loopback or is closed by keys, tells where, and ends on SIGTERM and Ctrl-C."""

from __future__ import annotations

import contextlib
import ipaddress
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from access.auth import CallerAuth
from console import tls
from console.app import LOCAL, make
from console.door import Entrance
from console.jobs import Jobs
from console.logins import Logins
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
OPEN = ", where everybody is the local admin (CEREBRO_CONSOLE_KEYS closes it)"


def serve(settings: Settings, address: str, insecure: bool, rooms: Rooms, say: Callable[[str], None]) -> None:
    """Answer until a signal; a job at work then goes on at the next start.

    With `settings.console_keys` it speaks TLS and asks who comes; without, it is for this machine alone (but
    `insecure`), where everybody is the local admin.

    Raises UserError for an address that cannot be bound or is not loopback (without keys, unless `insecure`), for keys
    that cannot be used, and where another console is at work in this home.
    """
    folder = settings.home_path / "console"
    keys = _keys(settings, insecure)
    with _bound(address, insecure or keys is not None) as bound, _only_one(folder):
        jobs = Jobs(folder / "jobs.sqlite")
        try:
            entrance = None
            if keys is not None:
                auth = CallerAuth(keys)
                entrance = Entrance(auth, Logins(folder, auth))
            hosts = () if insecure or keys is not None else LOCAL
            app = make(settings, jobs, Runner(settings, jobs), rooms, hosts, entrance)
            config = configuration(app, keys)
            say(f"Listening on {_url(bound, keys is not None)}{'' if entrance else OPEN}")
            uvicorn.Server(config).run(sockets=[bound])
        finally:
            jobs.close()


def configuration(app: FastAPI, keys: Path | None) -> uvicorn.Config:
    """How uvicorn serves it; `keys`: the folder of its certificate, None: plain text. Raises BadSetting."""
    config = uvicorn.Config(
        app,
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody in front of us is trusted to say who comes
        http="auto" if keys is None else tls.CertifiedProtocol,
        ws="none",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_S,
    )
    config.load()
    if keys is not None:
        config.ssl = tls.context(keys)
    return config


def _keys(settings: Settings, insecure: bool) -> Path | None:
    """The folder of what closes the console; None: it is open. Raises UserError where both was asked for."""
    if settings.console_keys and insecure:
        raise UserError("--insecure and CEREBRO_CONSOLE_KEYS are two ways: take one away.")
    return Path(settings.console_keys).expanduser() if settings.console_keys else None


def _url(bound: socket.socket, closed: bool) -> str:
    host, port = bound.getsockname()[:2]
    return f"http{'s' if closed else ''}://{f'[{host}]' if ':' in host else host}:{port}"


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    with machine.at(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with alone(folder, busy=f"Another console is at work in {folder}. End it first, or choose another CEREBRO_HOME."):
        for left in folder.glob(f"{SHEET}*"):  # of a console that was killed with somebody's sheet in hand
            shutil.rmtree(left, ignore_errors=True)
        yield


def _bound(address: str, anywhere: bool) -> socket.socket:
    host, _, port = address.rpartition(":")
    if not port.isdigit() or int(port) > 65535:
        raise UserError(f"{address!r} is no host:port. Set CEREBRO_CONSOLE, for example to 127.0.0.1:8080.")
    if not anywhere and not _loopback(host):
        raise UserError(
            f"{host} is not loopback, and without keys the console speaks plain text and asks nobody who he is. "
            "`cerebro keys new` makes some, CEREBRO_CONSOLE_KEYS names the folder of yours; or accept it with "
            "--insecure."
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

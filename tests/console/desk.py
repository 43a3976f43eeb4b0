"""A console in this process on a port of its own, and who asks it with nothing but the standard library."""

from __future__ import annotations

import dataclasses
import http.client
import json
import socket
import ssl
import sys
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from access.auth import CallerAuth
from console.app import LOCAL, make
from console.door import Entrance
from console.jobs import Jobs
from console.logins import Logins
from console.runner import Runner
from console.server import configuration
from operation.console_rooms import rooms
from scv.errors import Unreachable
from scv.settings import Settings

NOWHERE = "redis://127.0.0.1:1/0"
LIVELY = "1161"
"""Somebody of the shop who orders often, and did two days ago."""
CHILD = """
import datetime, json, os, signal, sys
piece = json.loads(sys.stdin.readline())
names = piece["fetchers"] or {names}
def say(state, code, at, name, **more):
    at = str(datetime.datetime.fromisoformat(at) + datetime.timedelta(hours=2))[:10]  # the day that begins there
    print(json.dumps(dict(country=code, date=at, fetcher=name, state=state, **more)), flush=True)
{script}
"""
ALL_WELL = """
for code, ats in piece["references"].items():
    for name in names:
        for at in ats: say("running", code, at, name)
        for at in ats: say("done", code, at, name, rows=3, seconds=0.5)
"""
"""What a piece's process says where nothing goes wrong; `console.work` says it of real tables."""


def well() -> dict[str, Any]:
    """A status with nothing to tell of two countries."""
    facts = {"now": "2017-09-05T00:00:00Z", "clock": "", "rows_to": None, "lake_to": None, "last_week": None, "due": []}
    places = [{"code": code, **facts} for code in ("US", "ZZ")]
    return {"version": "0", "runs": False, "unknown": {}, "countries": places, "refused": []}


class Away:
    """A room that does not answer, whatever it is asked."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *_: Any) -> Any:
        raise Unreachable("It does not answer.")


def away() -> dict[str, Any]:
    """The rooms of a console that nothing answers but who is asked about those who ask."""
    named = ("door", "board", "letters", "worth", "report", "sheet", "shadows")
    return dict.fromkeys(named, Away()) | {"alerts": list}


def child(script: str = ALL_WELL, names: tuple[str, ...] = ("orders", "mail")) -> list[str]:
    """A process in the place of `console.work`."""
    return [sys.executable, "-S", "-E", "-c", CHILD.format(names=list(names), script=script)]


@dataclass(frozen=True)
class Reply:
    """An answer; `body` is JSON where it is, `cookies` are the lines that set some."""

    status: int
    headers: Mapping[str, str]
    bytes: bytes
    cookies: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return self.bytes.decode()

    @property
    def body(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Desk:
    """A console that answers on a port."""

    port: int
    jobs: Jobs
    runner: Runner
    app: Any = None
    trust: ssl.SSLContext | None = None
    """Of a closed one: whom we trust, and what we show."""

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        """One request; `body` as JSON, or bytes as they are."""
        connection = self._connection()
        sent = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        told = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, sent, told)
            answer = connection.getresponse()
            found = {k.lower(): v for k, v in answer.getheaders()}
            cookies = tuple(answer.headers.get_all("set-cookie", ()))
            endless = found.get("content-type", "").startswith("text/event-stream")
            return Reply(answer.status, found, b"" if endless else answer.read(), cookies)
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self.trust is None:
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self.trust)

    def launch(self, *codes: str, dates: tuple[str, ...] = ("2017-01-31",), **more: Any) -> Any:
        """A job that was taken."""
        reply = self.ask("POST", "/api/v1/fetches", {"countries": list(codes), "dates": list(dates), **more})
        assert reply.status == 202, reply.text
        return reply.body

    def ended(self, job_id: str) -> Any:
        """The job as it is when it has ended: follows it until then."""
        assert list(follow(self.port, job_id))[-1][0] == "end"
        return self.ask("GET", f"/api/v1/fetches/{job_id}").body


def follow(port: int, job_id: str, after: str = "") -> Iterator[tuple[str, Any]]:
    """(event, data) of a job's stream until it closes."""
    return stream(port, f"/api/v1/fetches/{job_id}/events", after)


def stream(port: int, address: str, after: str = "") -> Generator[tuple[str, Any], None, None]:
    """(event, data) of any stream until it closes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", address, headers={"Last-Event-ID": after} if after else {})
    event = ""
    for line in connection.getresponse():
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name == "event":
            event = value
        elif name == "data":
            yield event, json.loads(value)
    connection.close()


def trust(keys: Path, shown: str = "") -> ssl.SSLContext:
    """Of a caller who trusts the authority of these keys and shows the certificate of a folder, or none."""
    found = ssl.create_default_context(cafile=str(keys / "scorer" / "ca.crt"))
    if shown:
        found.load_cert_chain(keys / shown / "tls.crt", keys / shown / "tls.key")
    return found


@contextmanager
def desk(
    settings: Settings,
    command: list[str],
    status: Any = dict,
    starts: bool = True,
    viewer: Any = None,
    keys: Path | None = None,
    **other: Any,
) -> Iterator[Desk]:
    """A console while the `with` lasts; one that does not start its runner leaves jobs waiting. Its rooms are the real
    ones, but for the status and those of the `other` that are given. `viewer` is who looks, as a gate would say. One
    with `keys` (a folder that `cerebro keys new` made) is closed."""
    jobs = Jobs(settings.home_path / "console" / "jobs.sqlite")
    runner = Runner(settings, jobs, command)
    if not starts:
        runner.run = lambda: None  # type: ignore[method-assign]
    entrance, part = None, None if keys is None else keys / "scorer"
    if part is not None:
        auth = CallerAuth(part)
        entrance = Entrance(auth, Logins(settings.home_path / "console", auth))
    known = dataclasses.replace(rooms(settings), status=status, **other)
    app = make(settings, jobs, runner, known, LOCAL if keys is None else (), entrance)
    if viewer is not None:

        @app.middleware("http")
        async def gate(request: Any, call_next: Any) -> Any:
            request.state.viewer = viewer
            return await call_next(request)

    config = configuration(app, part)
    config.log_level, config.timeout_graceful_shutdown = "critical", 1
    config.configure_logging()
    server, bound = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        yield Desk(bound.getsockname()[1], jobs, runner, app, keys and trust(keys))
    finally:
        server.should_exit = True
        thread.join()
        jobs.close()

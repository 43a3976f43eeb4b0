"""A console in this process on a port of its own, and who asks it with nothing but the standard library."""

from __future__ import annotations

import dataclasses
import http.client
import json
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from console.app import LOCAL, make
from console.jobs import Jobs
from console.runner import Runner
from operation.console_rooms import rooms
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


def child(script: str = ALL_WELL, names: tuple[str, ...] = ("orders", "mail")) -> list[str]:
    """A process in the place of `console.work`."""
    return [sys.executable, "-S", "-E", "-c", CHILD.format(names=list(names), script=script)]


@dataclass(frozen=True)
class Reply:
    """An answer; `body` is JSON where it is."""

    status: int
    headers: Mapping[str, str]
    bytes: bytes

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

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Reply:
        """One request; `body` as JSON, or bytes as they are."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        told = {"Content-Type": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, sent, told)
            answer = connection.getresponse()
            body = answer.read()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, body)
        finally:
            connection.close()

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
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", f"/api/v1/fetches/{job_id}/events", headers={"Last-Event-ID": after} if after else {})
    event = ""
    for line in connection.getresponse():
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name == "event":
            event = value
        elif name == "data":
            yield event, json.loads(value)
    connection.close()


@contextmanager
def desk(
    settings: Settings, command: list[str], status: Any = dict, starts: bool = True, viewer: Any = None, **other: Any
) -> Iterator[Desk]:
    """A console while the `with` lasts; one that does not start its runner leaves jobs waiting. Its rooms are the real
    ones, but for the status and those of the `other` that are given. `viewer` is who looks, as a gate would say."""
    jobs = Jobs(settings.home_path / "console" / "jobs.sqlite")
    runner = Runner(settings, jobs, command)
    if not starts:
        runner.run = lambda: None  # type: ignore[method-assign]
    app = make(settings, jobs, runner, dataclasses.replace(rooms(settings), status=status, **other), LOCAL)
    if viewer is not None:

        @app.middleware("http")
        async def gate(request: Any, call_next: Any) -> Any:
            request.state.viewer = viewer
            return await call_next(request)

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        yield Desk(server.servers[0].sockets[0].getsockname()[1], jobs, runner)
    finally:
        server.should_exit = True
        thread.join()
        jobs.close()

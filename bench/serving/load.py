"""Callers of a scorer in a process of their own: `python -m bench.serving.load`, a task on stdin, figures on stdout.

Open loop: calls are sent when they are due, whether or not earlier ones were answered, and a call's time counts from
when it was due. So a server that falls behind cannot slow its callers down. How late we ourselves were is told beside
it. With `at_once` instead of a rate so many callers ask one after the other: what a server can do at most.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter

import grpc
import msgspec
import numpy as np

from rpc import scorer_pb2 as pb
from rpc import scorer_pb2_grpc

CHANNELS = 8
DEADLINE_S = 2.0


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """`rate` calls a second, or `at_once` callers, for some seconds."""

    address: str
    country: str
    customers: list[str]
    seconds: float
    reasons: bool
    rate: float = 0.0
    at_once: int = 0


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it; times in milliseconds. `lag`: how late calls were sent, p99; `refusal`: how long a refusal took,
    p99 (0: there was none)."""

    sent: int
    codes: dict[str, int]
    seconds: float
    p50: float
    p99: float
    p999: float
    lag: float
    refusal: float = 0.0

    @property
    def answered(self) -> int:
        return self.codes.get("OK", 0)

    @property
    def rate(self) -> float:
        return self.answered / self.seconds


class Callers:
    """Ask about customers at random; one event loop."""

    def __init__(self, task: Task) -> None:
        self._task, self._dice = task, random.Random(7)
        self._codes, self._times, self._lags = Counter[str](), list[float](), list[float]()
        self._refusals = list[float]()

    async def run(self) -> Told:
        channels = [grpc.aio.insecure_channel(self._task.address, OPTIONS) for _ in range(CHANNELS)]
        self._stubs = [scorer_pb2_grpc.ScorerStub(channel) for channel in channels]
        for stub in self._stubs:
            await self._ask(stub, time.perf_counter())
        self._codes.clear()
        self._times.clear()
        began = time.perf_counter()
        await (self._in_turn(began) if self._task.at_once else self._when_due(began))
        seconds = time.perf_counter() - began
        for channel in channels:
            await channel.close()
        p50, p99, p999 = np.percentile(self._times or [0.0], [50, 99, 99.9]).tolist()
        lag = float(np.percentile(self._lags or [0.0], 99))
        sent = sum(self._codes.values())
        refusal = float(np.percentile(self._refusals or [0.0], 99))
        return Told(
            sent=sent, codes=dict(self._codes), seconds=seconds, p50=p50, p99=p99, p999=p999, lag=lag, refusal=refusal
        )  # fmt: skip

    async def _when_due(self, began: float) -> None:
        count = int(self._task.rate * self._task.seconds)
        running = set[asyncio.Task[None]]()
        for number in range(count):
            due = began + number / self._task.rate
            while (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait if wait > 0.002 else 0)
            self._lags.append((time.perf_counter() - due) * 1e3)
            call = asyncio.create_task(self._ask(self._stubs[number % CHANNELS], due))
            running.add(call)
            call.add_done_callback(running.discard)
        await asyncio.gather(*running)

    async def _in_turn(self, began: float) -> None:
        async def one(stub: scorer_pb2_grpc.ScorerStub) -> None:
            while (now := time.perf_counter()) < began + self._task.seconds:
                await self._ask(stub, now)

        await asyncio.gather(*(one(self._stubs[number % CHANNELS]) for number in range(self._task.at_once)))

    async def _ask(self, stub: scorer_pb2_grpc.ScorerStub, due: float) -> None:
        request = pb.ScoreRequest(
            country=self._task.country, customer_id=self._dice.choice(self._task.customers),
            with_reasons=self._task.reasons,
        )  # fmt: skip
        try:
            await stub.Score(request, timeout=DEADLINE_S)
            code = "OK"
        except grpc.aio.AioRpcError as error:
            code = error.code().name
        self._codes[code] += 1
        took = (time.perf_counter() - due) * 1e3
        (self._refusals if code == "RESOURCE_EXHAUSTED" else self._times).append(took)


OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]

if __name__ == "__main__":
    found = asyncio.run(Callers(msgspec.json.decode(sys.stdin.buffer.read(), type=Task)).run())
    sys.stdout.buffer.write(msgspec.json.encode(found))

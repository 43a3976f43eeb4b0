"""Work of many callers on a few threads: one call of each caller in turn, and no more waiting than can be answered."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from scorer.live.refusal import Code, Refused

Made = TypeVar("Made")
FULL = "Too many calls at once. Try again a little later."


class Turns:
    """For one event loop. Whoever asks much waits behind himself: free threads go round the callers, and when all
    places are taken the newest call of the greediest gives way to one who asks less.
    """

    def __init__(self, workers: int, most_at_once: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="scorer")
        self._free, self._places = workers, most_at_once
        self._taken = 0
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    async def run(self, caller: str, work: Callable[[], Made]) -> Made:
        """What `work` returns or raises, on a thread of ours. Raises Refused at once when there is no place."""
        if self._taken >= self._places:
            self._make_place(caller)
        self._taken += 1
        try:
            if self._free > 0:
                self._free -= 1
            else:
                await self._wait(caller)
            return await self._worked(work)
        finally:
            self._taken -= 1

    def close(self) -> None:
        self._pool.shutdown(wait=False)

    async def _worked(self, work: Callable[[], Made]) -> Made:
        """The thread is free again when `work` is over, even if nobody waits for its end any more."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Made] = loop.create_future()

        def end(made: Made | None, error: BaseException | None) -> None:
            self._next()
            if done.cancelled():
                return
            if error is None:
                done.set_result(made)  # type: ignore[arg-type]  # Made may itself be None
            else:
                done.set_exception(error)

        def job() -> None:
            try:
                made = work()
            except BaseException as error:
                loop.call_soon_threadsafe(end, None, error)
            else:
                loop.call_soon_threadsafe(end, made, None)

        self._pool.submit(job)
        return await done

    async def _wait(self, caller: str) -> None:
        """Until a thread is ours."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._next()  # the thread was given to us in the moment that our caller went
            else:
                self._forget(caller, turn)
            raise

    def _next(self) -> None:
        """A thread is free: it goes to the caller who waits for longest since his last turn."""
        while self._waiting:
            caller, turns = self._waiting.popitem(last=False)
            turn = turns.popleft()
            if turns:
                self._waiting[caller] = turns
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _make_place(self, caller: str) -> None:
        """Raises Refused if nobody waits with more calls than this caller."""
        mine = len(self._waiting.get(caller, ()))
        greediest = max(self._waiting, key=lambda one: len(self._waiting[one]), default=None)
        if greediest is None or len(self._waiting[greediest]) <= mine + 1:
            raise Refused(Code.RESOURCE_EXHAUSTED, FULL)
        turn = self._waiting[greediest].pop()
        turn.set_exception(Refused(Code.RESOURCE_EXHAUSTED, FULL))

    def _forget(self, caller: str, turn: asyncio.Future[None]) -> None:
        turns = self._waiting.get(caller)
        if turns is not None and turn in turns:
            turns.remove(turn)
            if not turns:
                del self._waiting[caller]

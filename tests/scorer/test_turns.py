"""Whose turn it is: nobody waits behind another's flood, and places that are taken go to whoever asks least."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorer.live.refusal import Refused
from scorer.live.turns import Turns


async def settled() -> None:
    """Everything that can go on has gone on."""
    for _ in range(5):
        await asyncio.sleep(0)


class Works:
    """Calls that end when they are let go, in the order in which they were begun."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self._go = threading.Semaphore(0)

    def of(self, name: str) -> Callable[[], str]:
        def work() -> str:
            self.begun.append(name)
            assert self._go.acquire(timeout=10)
            return name

        return work

    def let_go(self, calls: int = 1) -> None:
        self._go.release(calls)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 20))


def test_free_threads_go_round_the_callers() -> None:
    async def test() -> None:
        turns, works = Turns(1, 64), Works()
        names = ["flood"] * 10 + ["polite", "other"]
        tasks = []
        for name in names:
            tasks.append(asyncio.create_task(turns.run(name, works.of(name))))
            await settled()
        works.let_go(len(names))
        assert await asyncio.gather(*tasks) == names
        assert works.begun[:5] == ["flood", "flood", "polite", "other", "flood"], "one waited behind the flood at most"
        turns.close()

    run(test)


def test_a_full_house_makes_place_for_who_asks_least() -> None:
    async def test() -> None:
        turns, works = Turns(1, 4), Works()
        flood = [asyncio.create_task(turns.run("flood", works.of("flood"))) for _ in range(6)]
        await settled()
        assert [task.done() for task in flood] == [False] * 4 + [True] * 2
        polite = asyncio.create_task(turns.run("polite", works.of("polite")))
        await settled()
        assert flood[3].done() and not polite.done(), "the flood's newest call gave way"
        works.let_go(4)
        results = await asyncio.gather(*flood, polite, return_exceptions=True)
        assert [type(one) is Refused for one in results] == [False] * 3 + [True] * 3 + [False]
        turns.close()

    run(test)


def test_an_error_is_the_callers_and_the_thread_is_free_again() -> None:
    async def test() -> None:
        turns = Turns(1, 2)

        def broken() -> None:
            raise ZeroDivisionError

        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                await turns.run("one", broken)
        assert await turns.run("one", lambda: 7) == 7
        turns.close()

    run(test)


Step = tuple[str, int]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["call", "cancel", "end"]), st.integers(0, 9)), max_size=40),
    st.integers(1, 3),
    st.integers(1, 6),
)
def test_no_place_and_no_thread_is_ever_lost(steps: list[Step], workers: int, places: int) -> None:
    """Whatever is called, cancelled and ended in whatever order: afterwards all of it is there again."""

    async def test() -> None:
        turns, works = Turns(workers, max(places, workers)), Works()
        tasks: list[asyncio.Task[str]] = []
        for kind, number in steps:
            if kind == "call":
                tasks.append(asyncio.create_task(turns.run(f"caller {number % 3}", works.of("x"))))
            elif kind == "cancel" and tasks:
                tasks[number % len(tasks)].cancel()
            elif kind == "end":
                works.let_go()
            await asyncio.sleep(0 if number % 2 else 0.001)
        works.let_go(len(steps) + 100)
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert Counter(type(one) for one in ended).keys() <= {str, Refused, asyncio.CancelledError}
        for _ in range(500):
            if turns._free == workers:
                break
            await asyncio.sleep(0.002)
        assert (turns._taken, turns._free, len(turns._waiting)) == (0, workers, 0)
        again = [asyncio.create_task(turns.run("after", lambda: "fine")) for _ in range(max(places, workers))]
        assert await asyncio.gather(*again) == ["fine"] * len(again)
        turns.close()

    run(test)

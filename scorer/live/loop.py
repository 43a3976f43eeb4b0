"""An event loop on a thread of its own, for whoever has none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

Made = TypeVar("Made")
LAST_S = 1.0
"""How long what has nearly ended may take when the loop is closed."""


class Loop:
    """Runs from the start until it is closed."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="calls", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Made]) -> Made:
        """What the coroutine returns or raises; from any thread but the loop's own. When it is closed, nothing runs."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """End what still runs, and the thread."""
        if self._loop.is_closed():
            return
        self.run(_rest())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _rest() -> None:
    """Let what runs beside us end: a call that is answered has some steps left. What does not end is cancelled."""
    beside = asyncio.all_tasks() - {asyncio.current_task()}
    if beside:
        _, late = await asyncio.wait(beside, timeout=LAST_S)
        for one in late:
            one.cancel()
        await asyncio.sleep(0)

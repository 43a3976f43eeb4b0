"""When Python looks for cycles among objects that nobody needs any more: rarely in a burst, and now and then for sure.

By its own thresholds a quarter of a command's start and half of the online consumer's time in a backlog went into
looking, since imports and rows make many objects and hardly a cycle. Clients of brokers and stores do make some.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import sys
import threading
import time

RARELY = (50_000, 10, 10)
EVERY_S = 5.0
ARENAS = 2
_M_ARENA_MAX = -8
"""Of glibc's malloc.h."""


def rarely() -> None:
    """For every command."""
    gc.set_threshold(*RARELY)


def few_arenas() -> None:
    """For a service, before it loads anything: its dozens of threads share the memory that is free.

    glibc gives each thread a heap of its own, up to eight a core. What is freed in one fits nobody in another, and a
    process that has long had all it needs goes on growing.
    """
    _libc("mallopt", _M_ARENA_MAX, ARENAS)


def for_ever() -> None:
    """For a service that has loaded what it needs: leave that alone from now on, and look at the rest by the clock.

    By counts alone cycles would pile up for half an hour where little happens, which looks like a leak.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # or extensions report at the end, line by line, what was never taken apart
    threading.Thread(target=_now_and_then, daemon=True, name="garbage").start()


def _now_and_then() -> None:
    while True:
        time.sleep(EVERY_S)
        gc.collect()
        _give_back()


def _give_back() -> None:
    """What was freed goes back to the machine: libraries that work in bursts keep most of their largest one."""
    if (arrow := sys.modules.get("pyarrow")) is not None:
        arrow.default_memory_pool().release_unused()
    _libc("malloc_trim", 0)


def _libc(name: str, *numbers: int) -> None:
    """Call what glibc has and others do not."""
    function = getattr(ctypes.CDLL(None), name, None)
    if function is not None:
        function(*numbers)

"""A leash: a process that stops when whoever holds its standard input goes away, unless told to stay."""

from __future__ import annotations

import os
import signal
import sys
import threading

STAY = "stay"


def hold() -> None:
    """Watch standard input in the background: its end interrupts this process, the word `stay` lets it go."""
    threading.Thread(target=_watch, daemon=True, name="leash").start()


def _watch() -> None:
    for line in sys.stdin:
        if line.strip() == STAY:
            return
    os.kill(os.getpid(), signal.SIGINT)

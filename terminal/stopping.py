"""A stop that is graceful: SIGTERM and Ctrl-C set an event, and what is in hand is finished."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from scv.talk import say


def on_signal() -> threading.Event:
    """An event that SIGTERM, SIGINT and SIGHUP set; a second signal interrupts at once."""
    stop = threading.Event()

    def handle(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt(signal.Signals(number).name)
        say("Stopping: finishing what is in hand …")
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handle)
    return stop

"""Named points at which a test kills this process: `CEREBRO_FAULT=online.written:3:kill`.

The third time that `online.written` is reached the process sends itself SIGKILL (`stop`: SIGSTOP). Unset, which is
always so outside tests, a point costs one comparison.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from scv.errors import BadSetting, UnknownName

VARIABLE = "CEREBRO_FAULT"
POINTS = (
    "online.decoded",  # read, nothing written
    "online.half-written",  # some customers' rows written
    "online.written",  # all rows written, the restart point not
    "online.advanced",  # the restart point moved, Kafka's commit not
    "lake.dead-lettered",  # dead letters acknowledged, nothing committed
    "lake.before-commit",  # about to commit a family
    "lake.committed",  # committed to Delta, not to Kafka
    "letters.sent",  # dead letters are sent again, no note says so
)
_SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


class _Armed:
    """The variable, read once."""

    def __init__(self, text: str) -> None:
        self.name, count, how = (text.split(":") + ["1", "kill"][text.count(":") :])[:3]
        if text and self.name not in POINTS:
            raise UnknownName("fault point", self.name, POINTS)
        if not count.isdigit() or how not in _SIGNALS:
            raise BadSetting(f"{VARIABLE}={text!r}: write NAME, NAME:N, NAME:N:kill or NAME:N:stop.")
        self.left, self.signal = int(count), _SIGNALS[how]


_armed = _Armed(os.environ.get(VARIABLE, ""))


def reach(name: str, in_hand: int = 0) -> None:
    """Here a crash may happen; `in_hand` counts the records that were read and are not safe yet."""
    if name != _armed.name:
        return
    _armed.left -= 1
    if _armed.left == 0:
        sys.stderr.write(json.dumps({"fault": name, "in_hand": in_hand}) + "\n")
        sys.stderr.flush()
        os.kill(os.getpid(), _armed.signal)

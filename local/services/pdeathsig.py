"""Becomes a program that the kernel ends together with the one who started it (Linux).

`python -I -S pdeathsig.py PARENT SIGNAL PROGRAM …`: PARENT is the starter's process id, SIGNAL the number that ends
PROGRAM. A program of its own and not `preexec_fn`: that one forks, and a fork runs the handlers of every library
whose threads it interrupts (gRPC's aborts the child).
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
NOT_RUN = 127
"""The code with which a shell says that it cannot run a program."""


def become(parent: int, number: int, command: list[str]) -> None:
    """Returns never: this process is `command` from here on, or ends."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it died before the line above
        os._exit(1)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"cannot run {command[0]}: {error}\n")
        os._exit(NOT_RUN)


if __name__ == "__main__":
    become(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])

"""One Redis-like store on loopback: memory only, never evicting. Valkey and Redis take the same flags."""

from __future__ import annotations

import signal
from pathlib import Path

from local.services.probe import store_answers
from local.services.process import LOOPBACK, Child, free_port

READY_S = 20.0


class Store:
    """A store on a free loopback port. A stop, of any kind, loses all rows; a restart keeps the address."""

    def __init__(self, name: str, program: Path, folder: Path) -> None:
        self.name = name
        self.port = free_port()
        self.url = f"redis://{LOOPBACK}:{self.port}/0"
        folder.mkdir(parents=True, exist_ok=True)
        command = [str(program), "--port", str(self.port), "--bind", LOOPBACK, "--dir", str(folder)]
        command += ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--daemonize", "no"]
        self.child = Child(name, command, folder / f"{name.lower()}.log", ends_with=signal.SIGKILL)

    def start(self) -> None:
        """Returns when it answers; raises Unreachable when it does not."""
        self.child.start()
        self.child.wait_ready(lambda: store_answers(self.port), READY_S)

    def stop(self, kill: bool = False) -> None:
        self.child.stop(kill=kill)

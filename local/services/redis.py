"""Redis: the real `redis-server` of the machine."""

from __future__ import annotations

import shutil
from pathlib import Path

from local.services.store import Store
from scv.errors import UserError

INSTALL = "Install Redis 7 (Debian and Ubuntu: the package redis-server; macOS: brew install redis)"


def redis(folder: Path) -> Store:
    """A Redis that is not started yet; its log goes to `folder`. Raises UserError when it is not installed."""
    return Store("Redis", binary(), folder)


def binary() -> Path:
    """The program on PATH; raises UserError, saying what to install."""
    found = shutil.which("redis-server")
    if found is None:
        raise UserError(f"redis-server is not on PATH. {INSTALL}, or use the embedded `--store valkey`.")
    return Path(found)

"""The keys of a store under the default prefix, and a client of one that a test started by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scv.online.keys import Keys
from scv.settings import Settings
from store import client as policy

KEYS = Keys(Settings().key_prefix)
row_key, position_key, clock_key, built_key = KEYS.row, KEYS.position, KEYS.clock, KEYS.built


def client(url: str, prefix: str = "") -> Any:
    """It does not mind a restart of the store: the test knows of it. Without a prefix: the default one."""
    return policy.client(Settings(store=url, store_prefix=prefix), reads_only=True)


def rows_of(client: Any, keys: Sequence[str], fields: Sequence[str]) -> list[list[bytes | None]]:
    """Per key of a row the bytes of each field."""
    pipe = client.pipeline(transaction=False)
    for key in keys:
        pipe.hmget(key, list(fields))
    return list(pipe.execute())


def kept(client: Any, prefix: str = "") -> dict[str, bytes]:
    """All that lies in a store under a deployment's prefix (none: all), as bytes."""
    before = f"{prefix}:" if prefix else ""
    return {key.decode(): client.dump(key) for key in client.scan_iter() if key.decode().startswith(before)}


def put_back(client: Any, kept: Mapping[str, bytes]) -> None:
    """A store as it was kept, whatever it holds."""
    client.flushdb()
    pipe = client.pipeline(transaction=False)
    for key, data in kept.items():
        pipe.restore(key, 0, data)
    pipe.execute()

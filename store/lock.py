"""One at a time: a lock in the store that its holder renews, and that ends with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from redis.exceptions import LockError

from scv.errors import StoreUnusable
from scv.online.keys import Keys
from scv.talk import say as talk
from store.client import UNWELL

TTL_S = 30.0
_RENEW_S = 5.0
_PAUSE_S = 0.1
_SAY_AFTER_S = 2.0


@contextmanager
def locked(
    client: Any,
    name: str,
    say: Callable[[str], None] = talk,
    patience_s: float = 3600.0,
    alive: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """`with locked(client, "epoch"):` waits until nobody else holds `lock:epoch`; StoreUnusable after `patience_s`.

    `alive` is called between tries and may raise.
    It guards against work done twice, not against wrong results: what is done under it is fenced by itself.
    """
    key = _key(client, name)
    lock = client.lock(key, timeout=TTL_S, sleep=_PAUSE_S, thread_local=False)
    if not lock.acquire(blocking_timeout=_SAY_AFTER_S):
        say(f"Waiting for the process that holds {key} …")
        deadline = time.monotonic() + patience_s
        while not lock.acquire(blocking_timeout=min(_SAY_AFTER_S, patience_s)):
            alive()
            if time.monotonic() >= deadline:
                raise StoreUnusable(f"{key} is held by another process for {patience_s:.0f} s. Is a rebuild stuck?")
    done = threading.Event()
    renewal = threading.Thread(target=_renew, args=(lock, done), name=key, daemon=True)
    renewal.start()
    try:
        yield
    finally:
        done.set()
        renewal.join()
        with suppress(LockError, *UNWELL):  # it expires by itself
            lock.release()


def held(client: Any, name: str) -> bool:
    """Does anybody hold that lock now?"""
    return bool(client.exists(_key(client, name)))


def _key(client: Any, name: str) -> str:
    return Keys(client.prefix).of("lock", name)


def _renew(lock: Any, done: threading.Event) -> None:
    while not done.wait(_RENEW_S):
        with suppress(LockError, *UNWELL):
            lock.reacquire()

"""One at a time: a lock in the store that its holder renews, and that ends with it."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import Any

from scv.errors import StoreUnusable
from scv.online.keys import Keys
from scv.talk import say as talk
from store.client import UNWELL

TTL_MS = 30_000
_RENEW_S = 5.0
_PAUSE_S = 0.1
_SAY_AFTER_S = 2.0

_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"
_RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"


class Lock:
    """`with Lock(client, "epoch"):` waits until nobody else holds `lock:epoch`.

    It guards against work done twice, not against wrong results: what is done under it is fenced by itself.
    """

    def __init__(self, client: Any, name: str, say: Callable[[str], None] = talk, patience_s: float = 3600.0) -> None:
        self._client, self._key = client, Keys(client.prefix).of("lock", name)
        self._say, self._patience_s = say, patience_s
        self._token = uuid.uuid4().hex
        self._done = threading.Event()
        self._renewal: threading.Thread | None = None

    def __enter__(self) -> Lock:
        started, said = time.monotonic(), False
        while not self._client.set(self._key, self._token, nx=True, px=TTL_MS):
            waited = time.monotonic() - started
            if waited > self._patience_s:
                raise StoreUnusable(f"{self._key} is held by another process for {waited:.0f} s. Is a rebuild stuck?")
            if waited > _SAY_AFTER_S and not said:
                self._say(f"Waiting for the process that holds {self._key} …")
                said = True
            time.sleep(_PAUSE_S)
        self._renewal = threading.Thread(target=self._renew, name=self._key, daemon=True)
        self._renewal.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._done.set()
        if self._renewal is not None:
            self._renewal.join()
        try:
            self._client.eval(_RELEASE, 1, self._key, self._token)
        except UNWELL:
            pass  # it expires by itself

    def _renew(self) -> None:
        while not self._done.wait(_RENEW_S):
            try:
                self._client.eval(_RENEW, 1, self._key, self._token, TTL_MS)
            except UNWELL:
                continue

"""What a read asks the store, written as the store hears it: everything that does not name a customer only once.

A client that writes each command anew spends more time on that than the store on all the answers.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from scv.online.keys import Keys


class Replies(NamedTuple):
    """One round trip's answers: two hashes, the generation, the markers asked for; then, in the order asked, where
    partitions stand (offset, watermark) and customers' rows."""

    topics: Mapping[bytes, bytes]
    generation: bytes | None
    clock: Mapping[bytes, bytes]
    built: Sequence[bytes | None]
    stands: Sequence[Sequence[bytes | None]]
    rows: Sequence[Sequence[bytes | None]]


class Request:
    """For one country and some fetchers: `fields` of rows, `fetchers` by name; all in one shard."""

    def __init__(self, keys: Keys, country: str, fields: Sequence[str], fetchers: Sequence[str]) -> None:
        self._keys, self._country = keys, country
        self._before, self._after = keys.row(country, "*").split("*")
        self._first = [
            command("HGETALL", self._keys.topics),
            command("GET", self._keys.generation),
            command("HGETALL", self._keys.clock(country)),
            command("HMGET", self._keys.built(country), *fetchers),
        ]
        self._row = b"*%d\r\n" % (2 + len(fields)) + _bulk("HMGET")
        self._fields = b"".join(map(_bulk, fields))
        self._stand = functools.lru_cache(1024)(self._stand_of)

    def commands(self, partitions: Iterable[tuple[str, int]], customer_ids: Iterable[str]) -> list[bytes]:
        """One after the other. Positions come before rows, which are written before them: so a row holds all before
        its.
        """
        before, after, row, fields = self._before, self._after, self._row, self._fields
        rows = [
            b"%b$%d\r\n%b\r\n%b" % (row, len(key := f"{before}{one}{after}".encode()), key, fields)
            for one in customer_ids
        ]
        return [*self._first, *[self._stand(*one) for one in partitions], *rows]

    def replies(self, told: Sequence[Any], partitions: int) -> Replies:
        """The answers to them."""
        topics, generation, clock, built = told[:4]
        split = 4 + partitions
        return Replies(_hash(topics), generation, _hash(clock), built, told[4:split], told[split:])

    def _stand_of(self, topic: str, partition: int) -> bytes:
        return command("HMGET", self._keys.position(topic, partition), "offset", f"wm:{self._country}")


def command(*words: str) -> bytes:
    """A command in the store's protocol.

    >>> command("GET", "über")
    b'*2\\r\\n$3\\r\\nGET\\r\\n$5\\r\\n\\xc3\\xbcber\\r\\n'
    """
    return b"*%d\r\n" % len(words) + b"".join(map(_bulk, words))


def _bulk(word: str) -> bytes:
    text = word.encode()
    return b"$%d\r\n%b\r\n" % (len(text), text)


def _hash(flat: Sequence[bytes] | Mapping[bytes, bytes]) -> Mapping[bytes, bytes]:
    """Names and values one after the other, as the second version of the protocol tells a hash."""
    return flat if isinstance(flat, Mapping) else dict(zip(flat[::2], flat[1::2], strict=True))

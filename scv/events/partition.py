"""Which partition a key belongs to: Kafka's murmur2, as Java's clients and librdkafka's `murmur2_random` have it."""

from __future__ import annotations

_M = 0x5BD1E995
_WORD = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The 32-bit hash (seed 0x9747b28c).

    >>> hex(murmur2(b"US:900"))
    '0x5030187c'
    """
    length = len(data)
    h = (0x9747B28C ^ length) & _WORD
    whole = length & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * _M & _WORD
        k = (k ^ k >> 24) * _M & _WORD
        h = (h * _M & _WORD) ^ k
    tail = data[whole:]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * _M & _WORD
    h = (h ^ h >> 13) * _M & _WORD
    return h ^ h >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key in a topic of that many."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions

"""The names of what lies in the online store. Each begins with its deployment's prefix, so that several share it.

row:{country:customer}                hash, one field per fetcher@fingerprint: packed rows
pos:topic:partition                   hash, a partition's restart point:
    offset                            the next to apply
    turn                              counts rebuilds: whoever read another one must read all of this again
    wm:COUNTRY                        everything seen before this instant is applied (us)
    tick                              the newest tick before the offset (us)
    lost                              offsets that the broker had dropped before anybody read them
clock:country                         hash: mode, front (us)
built:country                         hash, fetcher → marker: of what its rows are whole
since:country                         hash, topic id/partition → the offset from which on the lake takes the country
topics                                hash: topic → log description (epoch, topic id, partitions)
generation                            the rebuild that rows must belong to
folded                                hash, country → stamp: by which of its settings this generation's rows are folded

On a cluster all of these but rows are there once per shard, behind the shard's name, on the node that holds its rows:
`cerebro:{18403}5461-10922:topics`. What is said of rows and the rows then stand or fall together.

The edges add theirs: `lock:NAME`, `heartbeat:GROUP`, `heartbeat:GROUP:MEMBER`, `flush`, `alerts:COUNTRY:TARGET`.
"""

from __future__ import annotations

from collections.abc import Mapping


class Keys:
    """The keys of one deployment; `prefix` is its client's, `shard` the part of a store that they speak of.

    >>> Keys("cerebro").row("US", "900"), Keys("cerebro").of("lock", "epoch")
    ('cerebro:row:{US:900}', 'cerebro:lock:epoch')
    >>> Keys("cerebro", "{1}5-9").row("US", "900"), Keys("cerebro", "{1}5-9").clock("US")
    ('cerebro:row:{US:900}', 'cerebro:{1}5-9:clock:US')
    """

    def __init__(self, prefix: str, shard: str = "") -> None:
        self._prefix, self._facts = prefix, f"{prefix}:{shard}" if shard else prefix
        self.topics, self.generation, self.folded = self.of("topics"), self.of("generation"), self.of("folded")

    def of(self, *words: str | int) -> str:
        """Any key of these words."""
        return ":".join((self._facts, *map(str, words)))

    def row(self, country: str, customer_id: str) -> str:
        return f"{self._prefix}:row:{{{country}:{customer_id}}}"

    def position(self, topic: str, partition: int | str) -> str:
        return self.of("pos", topic, partition)

    def points(self, partitions: Mapping[str, int]) -> list[str]:
        """The restart points of topics, which have so many partitions."""
        return [self.position(topic, partition) for topic, count in partitions.items() for partition in range(count)]

    def clock(self, country: str) -> str:
        return self.of("clock", country)

    def built(self, country: str) -> str:
        return self.of("built", country)

    def since(self, country: str) -> str:
        return self.of("since", country)

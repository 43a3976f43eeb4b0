"""One record of an event topic as both consumers see it: an event, a watermark, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import NamedTuple

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, Message

from scv.errors import BadEvent
from scv.events.arrival import Arrival, Reached, Recorded, decode
from scv.events.country import Country
from scv.events.partition import partition_of
from scv.offline.tombstones import Tombstones
from scv.online.facts import Log
from streams.kafka.log import Part

REPLAYED = "replayed"
"""The header of a record that tells of a history: its `seen_at` is the history's, whenever it is sent."""
PARTITIONER = (
    "A producer of librdkafka (Python, Go, C#) needs partitioner=murmur2_random; for other clients see "
    'docs/producing.md. Then run `cerebro dead-letters send --reason "wrong partition"`.'
)


class Record(NamedTuple):
    """Where it lies, its bytes, and what they mean."""

    part: Part
    offset: int
    key: bytes | None
    value: bytes | None
    content: Arrival | Reached | BadEvent
    headers: Sequence[tuple[str, bytes | None]] = ()
    """What a refused record came with."""
    is_live: bool = False
    """Is it an event that tells of now?"""


def record_of(
    message: Message,
    logs: Mapping[str, Log],
    countries: Mapping[str, Country],
    ticks: MutableMapping[Part, int],
    tombstones: Tombstones | None = None,
) -> Record:
    """A record of one of these logs' topics; refused where it is of before an erasure that has gone itself.

    `ticks`: the newest tick of each partition that is read (us), as of the record before; a tick is added to them.
    Nothing live counts as seen before it. So what a tick promises holds whatever senders and brokers do: under delay
    and skew, and where a clock runs back.
    """
    part, key, value = Part(message.topic(), message.partition()), message.key(), message.value()
    log, headers, (kind, ms) = logs[part.topic], message.headers() or (), message.timestamp()
    replayed = any(name == REPLAYED for name, _ in headers)
    # -1: a record without a time, which then says nothing that counts
    recorded = Recorded(max(ms, 0) * 1000, kind == TIMESTAMP_LOG_APPEND_TIME, replayed, ticks.get(part, 0))
    content: Arrival | Reached | BadEvent
    try:
        content = decode(log.family, key, value, countries, recorded)
    except BadEvent as error:
        content = error
    if isinstance(content, Arrival) and (right := partition_of(key or b"", log.partitions)) != part.partition:
        where = f"in partition {part.partition}; murmur2 of its key says {right}"
        content = BadEvent("wrong partition", f"{where}. {PARTITIONER}")
    elif isinstance(content, Arrival) and tombstones is not None and tombstones.covers(content):
        content = BadEvent("of a forgotten customer", "it happened before an erasure of its customer")
    elif isinstance(content, Reached) and content.is_tick:
        ticks[part] = content.us
    is_live = isinstance(content, Arrival) and recorded.is_live(countries[content.country])
    kept = headers if isinstance(content, BadEvent) else ()
    return Record(part, message.offset(), key, value, content, kept, is_live)

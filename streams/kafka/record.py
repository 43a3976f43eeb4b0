"""One record of an event topic as both consumers see it: an event, a watermark, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from confluent_kafka import Message

from scv.errors import BadEvent
from scv.events.arrival import Arrival, decode
from scv.events.country import Country
from scv.events.event import Watermark
from scv.events.partition import partition_of
from scv.online.rowstore import Log
from streams.kafka.log import Part


class Record(NamedTuple):
    """Where it lies, its bytes, and what they mean."""

    part: Part
    offset: int
    key: bytes | None
    value: bytes | None
    content: Arrival | Watermark | BadEvent


def record_of(message: Message, logs: Mapping[str, Log], countries: Mapping[str, Country]) -> Record:
    """A record of one of these logs' topics."""
    part, key, value = Part(message.topic(), message.partition()), message.key(), message.value()
    log, (_, recorded_ms) = logs[part.topic], message.timestamp()
    recorded_us = max(recorded_ms, 0) * 1000  # -1: a record without a time, which then says nothing that counts
    content: Arrival | Watermark | BadEvent
    try:
        content = decode(log.family, key, value, countries, recorded_us)
    except BadEvent as error:
        content = error
    if isinstance(content, Arrival) and (right := partition_of(key or b"", log.partitions)) != part.partition:
        content = BadEvent("wrong partition", f"in partition {part.partition}; murmur2 of its key says {right}")
    return Record(part, message.offset(), key, value, content)

"""One record of an event topic as both consumers see it: an event, a watermark, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class RecordReader:
    """How the records of some topics are read."""

    logs: Mapping[str, Log]
    countries: Mapping[str, Country]

    def read(self, message: Message) -> Record:
        part = Part(message.topic(), message.partition())
        key, value, (_, recorded_ms) = message.key(), message.value(), message.timestamp()
        recorded_us = max(recorded_ms, 0) * 1000  # -1: a record without a time, which then says nothing that counts
        return Record(part, message.offset(), key, value, self._content(part, key, value, recorded_us))

    def _content(
        self, part: Part, key: bytes | None, value: bytes | None, recorded_us: int
    ) -> Arrival | Watermark | BadEvent:
        log = self.logs[part.topic]
        try:
            found = decode(log.family, key, value, self.countries, recorded_us)
        except BadEvent as error:
            return error
        if isinstance(found, Arrival) and partition_of(key or b"", log.partitions) != part.partition:
            right = partition_of(key or b"", log.partitions)
            return BadEvent("wrong partition", f"in partition {part.partition}; murmur2 of its key says {right}")
        return found

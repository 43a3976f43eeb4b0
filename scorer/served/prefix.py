"""Which prefix of the log a customer's rows are of: fences and positions, looked at beside a read.

The reader gives values, not fences. So they are looked at before it and once more after it; where they are equal, the
rows that were read between were those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from scorer.served.vector_file import Standing
from scv.events.partition import partition_of
from scv.features import fetcher
from scv.features.layout import layout_of
from scv.online.keys import position_key, row_key
from scv.online.row import fence_of
from scv.online.rowstore import Log


@dataclass(frozen=True)
class Prefix:
    """Of one customer: by family where its partition stood, by fetcher the last offset of the row (None: no row)."""

    places: Mapping[str, Standing]
    upto: Mapping[str, int | None]


class Prefixes:
    """Looks at any number of a country's customers in one round trip (two when the topics changed)."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._raw: Mapping[bytes, bytes] = {}

    def of(self, country: str, customers: Sequence[str]) -> dict[str, Prefix]:
        """Customer → prefix. Raises StoreUnusable for a row of another format, or the store client's error."""
        while True:
            raw = self._raw
            topics = {topic.decode(): msgspec.json.decode(text, type=Log) for topic, text in raw.items()}
            look = _Look(country, customers, {log.family: (topic, log) for topic, log in topics.items()})
            self._raw = look.ask(self._client)
            if self._raw == raw:
                return look.found


class _Look:
    """One question, then its answer."""

    def __init__(self, country: str, customers: Sequence[str], logs: Mapping[str, tuple[str, Log]]) -> None:
        self._country, self._customers, self._logs = country, customers, logs
        self._layouts = [(one.family, layout_of(one)) for one in fetcher.collect().values()]
        self.found: dict[str, Prefix] = {}

    def ask(self, client: Any) -> Mapping[bytes, bytes]:
        """The round trip; the topics as they are now. Positions come first: rows are written before them, so a row
        that is seen after its position holds all before it."""
        parts = [(topic, number) for topic, log in self._logs.values() for number in range(log.partitions)]
        pipe = client.pipeline(transaction=False)
        pipe.hgetall("topics")
        pipe.get("generation")
        for part in parts:
            pipe.hget(position_key(*part), "offset")
        for customer in self._customers:
            pipe.hmget(row_key(self._country, customer), [layout.field for _, layout in self._layouts])
        topics, generation, *rest = pipe.execute()
        stands = {part: int(offset or 0) for part, offset in zip(parts, rest, strict=False)}
        for customer, rows in zip(self._customers, rest[len(parts) :], strict=True):
            self.found[customer] = self._prefix(customer, rows, stands, int(generation or 1))
        found: Mapping[bytes, bytes] = topics
        return found

    def _prefix(
        self, customer: str, rows: Sequence[bytes | None], stands: Mapping[tuple[str, int], int], generation: int
    ) -> Prefix:
        places: dict[str, Standing] = {}
        key = f"{self._country}:{customer}".encode()
        for family, (topic, log) in self._logs.items():
            number = partition_of(key, log.partitions)
            places[family] = Standing(epoch=log.epoch, partition=number, next=stands[topic, number])
        upto: dict[str, int | None] = {}
        for (family, layout), data in zip(self._layouts, rows, strict=True):
            upto[layout.fetcher] = None
            if data is not None and family in places:
                fence = fence_of(data)
                if fence.place == self._logs[family][1].place(generation, places[family].partition):
                    upto[layout.fetcher] = fence.upto  # the reader takes no other log's row
        return Prefix(places, upto)

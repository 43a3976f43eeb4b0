"""From where in the log on a country counts that became known while consumers ran: the lake says it, rows follow.

Both must take the same events. The lake consumer takes a new country at a place where all before is committed, and
writes that place down once and for all. The online consumer takes it when every partition has one, builds its rows from
the lake as at a start, and leaves what lies before these places to the dead letters, as the lake did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scv.online.facts import Log
from scv.online.keys import Keys
from streams.kafka.log import Part, parts

SEND = 'What came before is sent again by `cerebro dead-letters send --reason "unknown country"`.'

Places = Mapping[tuple[str, Part], int]
"""By country and partition: the offset from which on the lake takes it."""


class Since:
    """The places in the store, of these logs; raises the client's errors."""

    def __init__(self, client: Any, logs: Mapping[str, Log]) -> None:
        self._client, self._logs = client, logs

    def note(self, places: Places) -> None:
        """Write down places where none is written yet."""
        pipe, keys = self._client.pipeline(transaction=False), self._keys()
        for (code, part), offset in places.items():
            for one in keys:
                pipe.hsetnx(one.since(code), self._field(part), offset)
        pipe.execute()

    def of(self, code: str) -> dict[Part, int] | None:
        """A country's places; None unless every partition has one."""
        noted, wanted = self._read(code), parts(self._logs)
        return {part: noted[part] for part in wanted} if noted.keys() >= set(wanted) else None

    def ahead(self, codes: Iterable[str], starts: Mapping[Part, int]) -> dict[Part, dict[str, int]]:
        """By partition the countries that count only from a later offset on than these."""
        found: dict[Part, dict[str, int]] = {}
        for code in codes:
            for part, offset in self._read(code).items():
                if offset > starts.get(part, offset):
                    found.setdefault(part, {})[code] = offset
        return found

    def _read(self, code: str) -> dict[Part, int]:
        """As the shard has them that was told first: what one lost the others still say."""
        noted: dict[bytes, int] = {}
        for keys in self._keys():
            for field, offset in self._client.hgetall(keys.since(code)).items():
                noted[field] = min(int(offset), noted.get(field, int(offset)))
        fields = {self._field(part).encode(): part for part in parts(self._logs)}
        return {fields[field]: offset for field, offset in noted.items() if field in fields}

    def _keys(self) -> list[Keys]:
        return [Keys(self._client.prefix, shard) for shard in self._client.shards()]

    def _field(self, part: Part) -> str:
        return f"{self._logs[part.topic].topic_id}/{part.partition}"

"""From where in the log on a country counts that became known while consumers ran: the lake says it, rows follow.

Both must take the same events. The lake consumer takes a new country at a place where all before is committed, and
writes that place down once and for all. The online consumer takes it when every partition has one, builds its rows from
the lake as at a start, and leaves what lies before these places to the dead letters, as the lake did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scv.online.keys import Keys
from scv.online.rowstore import Log
from streams.kafka.log import Part, parts

SEND = 'What came before is sent again by `cerebro dead-letters send --reason "unknown country"`.'

Places = Mapping[tuple[str, Part], int]
"""By country and partition: the offset from which on the lake takes it."""


class Since:
    """The places in the store, of these logs; raises the client's errors."""

    def __init__(self, client: Any, logs: Mapping[str, Log]) -> None:
        self._client, self._keys, self._logs = client, Keys(client.prefix), logs

    def note(self, places: Places) -> None:
        """Write down places where none is written yet."""
        pipe = self._client.pipeline(transaction=False)
        for (code, part), offset in places.items():
            pipe.hsetnx(self._keys.since(code), self._field(part), offset)
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
        noted = self._client.hgetall(self._keys.since(code))
        fields = {self._field(part).encode(): part for part in parts(self._logs)}
        return {fields[field]: int(offset) for field, offset in noted.items() if field in fields}

    def _field(self, part: Part) -> str:
        return f"{self._logs[part.topic].topic_id}/{part.partition}"

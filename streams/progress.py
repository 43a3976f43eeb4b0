"""Whether a member of a group moves: what its heartbeat says of it, and what ends it when it does not.

A consumer that fell out of its group, or lost a fetch, polls on for ever: alive, silent, ever further behind. So does
one whose broker gives partitions to nobody.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Set
from typing import Any

from scv.errors import Stuck
from store.heartbeat import STILL_S
from streams.kafka.log import Part
from streams.kafka.question import Heard

ROUND_S = 1.0
"""No round waits longer for records; what it took beyond that was work."""
NOWHERE = -1
"""Where a member stands in a partition that it has not begun to read."""


class Still:
    """For how long something has neither moved nor been done."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._since = now, now()
        self._at: object = None

    def look(self, at: object, done: bool) -> float:
        """Seconds, when it is there now."""
        if done or at != self._at:
            self._since, self._at = self._now(), at
        return self._now() - self._since


class Progress:
    """What is known of one member's progress; `look` after every round.

    A partition is stuck when nothing comes although it goes on, and a member when its group does not have it, or gives
    partitions to nobody, for `patience_s`; a group may take `forming_s` to give them to somebody. That counts while we
    ask for records, the client has none in hand and the broker answers: no long batch, no backlog, no absence of
    broker or store (`excuse`) is a standstill.
    """

    def __init__(
        self, patience_s: float = STILL_S, now: Callable[[], float] = time.monotonic, forming_s: float = STILL_S
    ) -> None:
        self._patience_s, self._now, self._forming_s = patience_s, now, forming_s
        self._looked = now()
        self._still, self.still_s = Still(now), 0.0
        self._answer = Heard(None, None)
        self._at: dict[Part, int] = {}
        self._waited: dict[Part, float] = {}
        self._asked: dict[Part, float] = {}
        self._outside_s = self._unheld_s = self._formed_s = 0.0

    def look(
        self,
        at: Mapping[Part, int],
        assigned: Set[Part],
        drained: bool,
        answer: Heard | None,
        unheld: bool = False,
    ) -> None:
        """Where the member durably stands in partitions assigned to it (of one that is to be read anew nothing need be
        said); whether the last round left nothing in hand; what the broker said, if it said something new; and whether
        there are partitions that no member has.
        """
        before = self._at
        self._at = {part: at.get(part, before.get(part, NOWHERE)) for part in assigned}
        self._answer = answer or self._answer
        passed = min(self._now() - self._looked, ROUND_S) if drained else 0.0
        self._looked = self._now()
        behind = self._behind()
        stood = [part for part in behind if self._at[part] == before.get(part)]
        self._waited = {part: self._waited.get(part, 0.0) + passed for part in stood}
        outside = self._answer.ends is not None and self._answer.member is False
        self._outside_s = self._outside_s + passed if outside else 0.0
        unheld = self._answer.ends is not None and unheld
        self._unheld_s, self._formed_s = (self._unheld_s + passed, self._formed_s) if unheld else (0.0, 0.0)
        done = self._answer.ends is not None and not behind and not outside and not unheld
        self.still_s = self._still.look(self._at, done)

    def excuse(self) -> None:
        """Begin to wait anew: what is away has a word of its own."""
        self._waited, self._asked = {}, {}
        self._outside_s = self._unheld_s = self._formed_s = 0.0

    def to_ask_anew(self) -> list[Part]:
        """Partitions of which nothing came for a third of the patience, again: a fetch may be lost."""
        waits = {part: waited_s - self._asked.get(part, 0.0) for part, waited_s in self._waited.items()}
        due = [part for part, waited_s in waits.items() if waited_s >= self._patience_s / 3]
        self._asked = {part: self._waited[part] if part in due else self._asked.get(part, 0.0) for part in waits}
        return due

    def must_form(self) -> bool:
        """Is it time, again, that the group forms anew, because partitions are nobody's?"""
        due = self._unheld_s - self._formed_s >= self._forming_s
        if due:
            self._formed_s = self._unheld_s
        return due

    def check(self) -> None:
        """Raise Stuck."""
        stuck = sorted(part for part, waited_s in self._waited.items() if waited_s >= self._patience_s)
        if stuck:
            topic, partition = stuck[0]
            more = f" (and of {len(stuck) - 1} more)" if len(stuck) > 1 else ""
            self._raise(f"nothing comes of {topic}/{partition}{more}, which goes on")
        if self._outside_s >= self._patience_s:
            self._raise("its group does not have it any more")
        if self._unheld_s >= max(self._patience_s, 2 * self._forming_s):
            self._raise("its group gives some partitions to nobody", self._unheld_s)

    def facts(self) -> dict[str, Any]:
        """As a heartbeat says it."""
        return {"lag": self._lag(), "still_s": round(self.still_s, 1)}

    def _behind(self) -> list[Part]:
        """Partitions that go on beyond where we stand."""
        ends = self._answer.ends or {}
        return [part for part, position in self._at.items() if position < ends.get(part, NOWHERE)]

    def _lag(self) -> dict[str, int] | None:
        if self._answer.ends is None:
            return None
        lag: dict[str, int] = {}
        for part, position in sorted(self._at.items()):
            lag[part.topic] = lag.get(part.topic, 0) + max(self._answer.ends.get(part, 0) - max(position, 0), 0)
        return lag

    def _raise(self, why: str, for_s: float | None = None) -> None:
        behind = sum((self._lag() or {}).values())
        raise Stuck(
            f"This consumer stands still: for {for_s or self._patience_s:.0f} s {why}, although the broker answers "
            f"({behind:,} offsets behind). Start it again: it goes on where it stands, and nothing is lost."
        )

"""What a consumer says of records that it refuses: each reason when it is first seen, then by the minute how many."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping

from scv.errors import BadEvent
from streams.counters import Counters
from streams.dead_letters import words
from streams.kafka.record import Record

EVERY_S = 60.0
REFUSED = ("changed", "too_late", "before_an_erasure")
"""What admission refuses that says something of its own; a repetition says nothing new."""
MANY_SHARE, MANY = 0.1, 10
"""From so large a share and so many on, refused events are worth a word: some are in every log."""


class Notices:
    """One per consumer. It never says whose records they are."""

    def __init__(
        self, say: Callable[[str], None], counters: Counters, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._say, self._counters, self._now = say, counters, now
        self._said_at = now()
        self._dead, self._taken = Counter[str](), 0
        self._judged = Counter[str]()

    def dead(self, record: Record, why: BadEvent) -> None:
        """Count a dead letter, and say it if it is the first of its reason."""
        self._counters.dead[why.reason] += 1
        if why.reason not in self._dead:
            self._dead[why.reason] = self._counters.dead[why.reason]
            where = f"{record.part.topic}/{record.part.partition}@{record.offset}"
            said = words(why.reason, str(why)).rstrip(".")
            self._say(f"{where} is a dead letter: {why.reason}: {said}. `cerebro dead-letters list` counts them.")

    def look(self) -> None:
        """Say how many there were, if a minute is over since that was said."""
        if self._now() - self._said_at >= EVERY_S:
            self.tell()

    def tell(self) -> None:
        """Say how many there were since that was said."""
        dead, taken = self._counters.dead - self._dead, self._counters.taken
        if dead:
            of = f"{dead.total():,} of {max(taken - self._taken, dead.total()):,} records"
            self._say(f"{of} were dead letters ({_listed(dead)}). `cerebro dead-letters list` counts them.")
        judged = Counter({name: getattr(self._counters, name) for name in ("admitted", "repeated", *REFUSED)})
        since = judged - self._judged
        refused = Counter({name.replace("_", " "): since[name] for name in REFUSED})
        if refused.total() >= max(MANY, MANY_SHARE * since.total()):
            of = f"{refused.total():,} of {since.total():,} events"
            self._say(f"{of} did not count ({_listed(refused)}). `cerebro refused COUNTRY` lists them.")
        self._dead, self._taken, self._judged = Counter(self._counters.dead), taken, judged
        self._said_at = self._now()


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in Counter(counts).most_common() if count)

"""A consumer's counters, and the dead letters, as an operator scrapes them."""

from __future__ import annotations

import time
from collections.abc import Iterator

from scv.events.clock import wall_us
from scv.settings import Settings
from streams.counters import JUDGED, Counters
from streams.dead_letters import DeadLetters
from telemetry.sample import Sample

_OUTCOMES = {
    "online": {"watermarks": "watermark", "re_read": "re_read", "unbuilt": "unbuilt"} | {name: name for name in JUDGED},
    "lake": {"watermarks": "watermark", "delivered": "kept"},
}


def of_counters(consumer: str, counters: Counters) -> Iterator[Sample]:
    """Records by outcome, rows, commits and errors; each of them from the start on, so that rates begin at zero."""
    for counter, outcome in _OUTCOMES[consumer].items():
        yield Sample("cerebro_records_total", (consumer, outcome, ""), getattr(counters, counter))
    for reason, count in list(counters.dead.items()):
        yield Sample("cerebro_records_total", (consumer, "dead", reason), count)
    yield Sample("cerebro_rows_total", (consumer, "written"), counters.rows)
    yield Sample("cerebro_rows_total", (consumer, "refused"), counters.refused)
    if consumer == "online":
        yield Sample("cerebro_rows_total", (consumer, "fenced"), counters.fenced)
    else:
        yield Sample("cerebro_lake_commits_total", (), counters.commits)
    yield Sample("cerebro_lost_records_total", (consumer,), counters.lost)
    yield Sample("cerebro_store_errors_total", (), counters.store_errors)


class DeadLetterSamples:
    """Dead letters that wait, by family and reason; the topics are read on at most twice a minute."""

    EVERY_S = 30.0

    def __init__(self, settings: Settings) -> None:
        self._letters, self._read_at = DeadLetters(settings), -self.EVERY_S

    def samples(self) -> Iterator[Sample]:
        """Raises Unreachable."""
        if time.monotonic() - self._read_at >= self.EVERY_S:
            self._letters.read_on()
            self._read_at = time.monotonic()
        now_s = wall_us() / 1e6
        for pile in self._letters.piles():
            labels = (pile.family, pile.reason)
            yield Sample("cerebro_dead_letters", labels, pile.waiting)
            if pile.oldest is not None:
                yield Sample("cerebro_dead_letters_age_seconds", labels, now_s - pile.oldest.timestamp())

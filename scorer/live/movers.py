"""Who moved most since Tuesday's file, of those whom answers were about: kept of each country and target, in bounds.

Kept are ids and by how much they moved when they were last asked about; whoever is shown is asked about again first.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from scorer.scoring import Score, TargetScore
from scv.events import calendar
from scv.events.country import Country

KEPT = 100
"""Customers of a board; many more than are shown."""
Way = Literal["up", "down"]


class MoversQuestion(NamedTuple):
    """Of which target, how many at most, by how much at least (0.05: five points) and which way, told how."""

    target: str
    most: int
    least_change: float = 0.0
    ways: Sequence[Way] = ("up", "down")
    language: str = ""
    with_reasons: bool = True


class LargestMoves:
    """Who had the largest of many sizes. Of somebody the newest size counts."""

    def __init__(self) -> None:
        self.sizes: dict[str, float] = {}
        self._floor = 0.0
        """Nobody here has less."""

    def put(self, who: str, size: float) -> None:
        """Somebody's size now; on a full board he takes the place of the smallest, or has none."""
        if who not in self.sizes and len(self.sizes) >= KEPT:
            if size <= self._floor:
                return
            least = min(self.sizes, key=self.sizes.__getitem__)
            self._floor = self.sizes[least]
            if size <= self._floor:
                return
            del self.sizes[least]
        self.sizes[who] = size
        self._floor = min(self._floor, size)

    def drop(self, who: str) -> None:
        if self.sizes.pop(who, None) is not None:
            self._floor = 0.0


class Movers:
    """Fed by every answer about now, from any thread. With another Tuesday a country's boards begin anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._weeks: dict[str, tuple[datetime, datetime]] = {}
        self._boards: dict[tuple[str, str], dict[Way, LargestMoves]] = {}

    def note(self, country: Country, at: datetime, scores: Sequence[Score]) -> None:
        """What was said at an instant. Who has no score any more, or is not known, is forgotten; who was refused
        because his rows are old may come back."""
        with self._lock:
            begin, end = self._weeks.get(country.code, (at, at))
            if not begin < at <= end:
                tuesday = calendar.last_tuesday(at - calendar.MICROSECOND, country.zone)
                self._weeks[country.code] = tuesday, calendar.next_tuesday(at, country.zone)
                self._boards = {key: boards for key, boards in self._boards.items() if key[0] != country.code}
            for score in scores:
                for one in score.targets:
                    if one.status != "STALE_REFUSED":
                        self._put(country.code, score.customer_id, one)

    def top(self, code: str, question: MoversQuestion) -> list[str]:
        """Whom to ask about, who moved most when last asked about first: twice as many as are shown, for some of them
        will have moved back."""
        with self._lock:
            boards = self._boards.get((code, question.target), {})
            sizes = [item for way, board in boards.items() if way in question.ways for item in board.sizes.items()]
        return [who for who, _ in heapq.nlargest(2 * question.most, sizes, key=lambda item: item[1])]

    def _put(self, code: str, who: str, told: TargetScore) -> None:
        boards = self._boards.get((code, told.target))
        if boards is None:
            if not told.change:
                return
            boards = self._boards[code, told.target] = {"up": LargestMoves(), "down": LargestMoves()}
        for way, board in boards.items():
            if told.change and way == _way(told.change):
                board.put(who, abs(told.change))
            else:
                board.drop(who)


def moved(scores: Iterable[Score], question: MoversQuestion) -> list[Score]:
    """Of answers about one target up to `most` who moved so much, and that way; who moved most comes first."""
    found = [(change, score) for score in scores if (change := score.targets[0].change)]
    found = [(c, score) for c, score in found if abs(c) >= question.least_change and _way(c) in question.ways]
    return [score for _, score in sorted(found, key=lambda one: (-abs(one[0]), one[1].customer_id))][: question.most]


def _way(change: float) -> Way:
    return "up" if change > 0 else "down"

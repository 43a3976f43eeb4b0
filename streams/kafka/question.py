"""What a member asks the broker in passing, without waiting: where its partitions end, and whether it is a member.

Its own fetches cannot tell: who has fallen out of its group, or lost a fetch, hears nothing and would not know.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from typing import Any, NamedTuple

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import OffsetSpec

from streams.kafka.log import ANSWER_S, Part

EVERY_S = 5.0
_NOBODY, _FORMING = {"Empty", "Dead"}, {"PreparingRebalance", "CompletingRebalance"}


class Heard(NamedTuple):
    """The end of every partition that was asked for and answered (None: the broker answers nothing), and whether the
    group has this member (None: the broker does not say; the embedded one never does).

    Of the embedded broker an end may lie before the true one, by the rest of the last batch.
    """

    ends: Mapping[Part, int] | None
    member: bool | None


class Question:
    """Asks every few seconds with an admin client that others may use, too."""

    def __init__(self, client: Any, group: str, now: Callable[[], float] = time.monotonic) -> None:
        self._client, self._group, self._now = client, group, now
        self._asked_at = -EVERY_S
        self._ends: dict[Part, Future[Any]] = {}
        self._members: Future[Any] | None = None
        self._forgetting: Future[Any] | None = None

    def answer(self, parts: Iterable[Part], member: Callable[[], str]) -> Heard | None:
        """What was heard, once; None while there is none. `member` says by which id the broker would know us."""
        found = None
        if self._members is not None and all(one.done() for one in (self._members, *self._ends.values())):
            found = Heard(_ends(self._ends, self._members), _is_member(self._members, member))
            self._members = None
        if self._members is None and self._now() - self._asked_at >= EVERY_S:
            self._ask(sorted(parts))
        return found

    @property
    def forgets(self) -> bool:
        """Would the broker forget a group that has members? Unknown until it was asked to."""
        asked = self._forgetting
        return asked is None or not asked.done() or asked.exception() is None

    def forget(self) -> None:
        """Ask the broker to forget the group, so that its members form it anew; Kafka does so for an empty one only.

        The embedded broker keeps a leader who left while the group formed: it gives partitions to nobody, for ever.
        """
        (self._forgetting,) = self._client.delete_consumer_groups([self._group], request_timeout=ANSWER_S).values()

    def _ask(self, parts: Iterable[Part]) -> None:
        self._asked_at = self._now()
        wanted = {TopicPartition(*part): OffsetSpec.latest() for part in parts}
        # What a reader of committed records can reach: an open transaction is nobody's standstill.
        level = IsolationLevel.READ_COMMITTED
        asked = self._client.list_offsets(wanted, isolation_level=level, request_timeout=ANSWER_S) if wanted else {}
        self._ends = {Part(at.topic, at.partition): future for at, future in asked.items()}
        self._members = self._groups()

    def _groups(self) -> Future[Any]:
        """What the brokers know of the group, of a thread of its own: the call waits.

        Not by `describe_consumer_groups`: librdkafka 2.16 goes on looking for the coordinator of a question that timed
        out, and aborts the process once it is there.
        """
        future: Future[Any] = Future()

        def ask() -> None:
            try:
                future.set_result(self._client.list_groups(self._group, ANSWER_S))
            except Exception as error:
                future.set_exception(error)

        threading.Thread(target=ask, name="question", daemon=True).start()
        return future


def _ends(asked: Mapping[Part, Future[Any]], members: Future[Any]) -> dict[Part, int] | None:
    told = {part: int(future.result().offset) for part, future in asked.items() if future.exception() is None}
    answered = {part: offset for part, offset in told.items() if offset >= 0}  # below 0 no offset is named
    silent = not answered if asked else members.exception() is not None
    return None if silent else answered


def _is_member(asked: Future[Any], member: Callable[[], str]) -> bool | None:
    if asked.exception() is not None or not asked.result():
        return None  # not every user may ask, and the embedded broker names no group
    (group,) = asked.result()
    if group.state in _NOBODY:
        return False
    if group.state not in _FORMING and not any(one.assignment for one in group.members):
        return None  # the embedded one may name members, and never what they have: nothing, where a group did not form
    return member() in {one.id for one in group.members}

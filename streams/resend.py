"""Dead letters sent again: bytes and headers unchanged, to the topic that refused them, under the key of their body.

A letter counts as sent once the note that says so is acknowledged, and that is written after the record is. Killed in
between, or run twice at a time, it is sent again: admission takes an event once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from scv.errors import BadEvent
from scv.events import event, record
from scv.events.arrival import Recorded, decode
from scv.events.clock import wall_us
from scv.events.country import Country
from scv.settings import Settings
from streams import faultpoint
from streams.dead_letters import AGAIN, SENT, DeadLetters, Letter, Report, words
from streams.kafka import topics
from streams.kafka.log import Part
from streams.kafka.producer import Producer
from streams.kafka.record import REPLAYED

BATCH = 500
"""Letters sent before notes say so."""


class Resent(NamedTuple):
    """By reason: how many letters were sent again, how many were not, and what is wrong with the last of those."""

    sent: Counter[str]
    left: Counter[str]
    why: dict[str, str]


def resend(
    settings: Settings,
    letters: DeadLetters,
    picked: Mapping[Part, Sequence[int]],
    countries: Mapping[str, Country],
    anyway: bool,
    report: Report = lambda done, total: None,
) -> Resent:
    """Send letters again that would be taken now; `anyway`: all of them, and what is refused again is a new letter.

    Raises Unreachable; what was sent until then is sent.
    """
    outcome, total = Resent(Counter(), Counter(), {}), sum(map(len, picked.values()))
    chosen = letters.letters(picked)
    with Producer(settings, client_id="cerebro-dead-letters") as producer:
        while some := list(islice(chosen, BATCH)):
            sent = list(_mendable(some, countries, anyway, outcome))
            for one, key in sent:
                _send(producer, settings, one, key)
            producer.flush()
            faultpoint.reach("letters.sent", len(sent))
            _note(producer, [one for one, _ in sent])
            outcome.sent.update(one.reason for one, _ in sent)
            report(outcome.sent.total() + outcome.left.total(), total)
    return outcome


def _mendable(
    some: Sequence[Letter], countries: Mapping[str, Country], anyway: bool, outcome: Resent
) -> Iterator[tuple[Letter, bytes | None]]:
    """Letters and the keys of their bodies; those that consumers would refuse again are counted instead."""
    for one in some:
        key = _key(one)
        try:
            replayed = any(name == REPLAYED for name, _ in one.headers)
            decode(one.family, key, one.value, countries, Recorded(wall_us(), replayed=replayed))
        except BadEvent as error:
            if not anyway:
                outcome.left[one.reason] += 1
                outcome.why[one.reason] = words(error.reason, str(error))
                continue
        yield one, key


def _key(one: Letter) -> bytes | None:
    """What the body says; of what has no body that can be read, the key that it came with."""
    try:
        return event.key_of(record.read(one.family, one.value or b""))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return one.key


def _send(producer: Producer, settings: Settings, one: Letter, key: bytes | None) -> None:
    came_from = f"{one.part.topic}/{one.part.partition}@{one.offset}".encode()
    # What is said of one partition (a watermark, which is of no customer) is said there again.
    there = one.origin.partition if (key or b"").endswith(b":") else -1
    headers = [*one.headers, (AGAIN, came_from)]
    producer.send(topics.events(settings, one.family), one.value, key, there, headers)


def _note(producer: Producer, sent: Sequence[Letter]) -> None:
    """Say of letters that they were sent, in their own partitions."""
    offsets: dict[Part, list[int]] = {}
    for one in sent:
        offsets.setdefault(one.part, []).append(one.offset)
    for part, noted in offsets.items():
        producer.send(part.topic, msgspec.json.encode(noted), None, part.partition, [(SENT, b"")])
    producer.flush()

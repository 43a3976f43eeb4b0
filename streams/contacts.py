"""Outcomes of contacts, sent as a tool of customer service would send them."""

from __future__ import annotations

from collections.abc import Sequence

from scv.events import event
from scv.events.event import Outcome
from scv.settings import Settings
from streams.kafka import topics
from streams.kafka.producer import Producer
from streams.kafka.record import REPLAYED

FAMILY = "contacts"


def send(settings: Settings, outcomes: Sequence[Outcome]) -> int:
    """Send them all and wait until they are safe; how many. One that says when it was seen is of a replay.

    Raises Unreachable: then some may be there and others not, and the same again sends the rest.
    """
    if not outcomes:
        return 0
    topics.ensure(settings)
    topic = topics.events(settings, FAMILY)
    with Producer(settings, client_id="cerebro-feedback") as producer:
        for one in outcomes:
            headers = [] if one.seen_at is None else [(REPLAYED, b"")]
            producer.send(topic, event.encode(one), event.key_of(one), headers=headers)
        return producer.flush()

"""A customer is to be forgotten: said in every topic, so that each row and each table of the lake forgets by itself."""

from __future__ import annotations

from datetime import datetime

from scv.events import event
from scv.events.event import FAMILIES, Erased
from scv.settings import Settings
from streams.kafka import topics
from streams.kafka.producer import Producer
from streams.kafka.record import REPLAYED


def send(settings: Settings, code: str, customer_id: str, at: datetime, replayed: bool) -> int:
    """Send an `erased` of that instant to the topic of every family and wait until all are safe; how many.

    `replayed`: the country lives in a replay, whose records say when they were seen. Raises Unreachable.
    """
    topics.ensure(settings)
    seen = at if replayed else None
    with Producer(settings, client_id="cerebro-erase") as producer:
        for family in FAMILIES:
            one = Erased(
                id=f"erased-{at:%Y%m%dT%H%M%S%f}", country=code, customer_id=customer_id, occurred_at=at, seen_at=seen
            )
            headers = [(REPLAYED, b"")] if replayed else []
            producer.send(topics.events(settings, family), event.encode(one), event.key_of(one), headers=headers)
        return producer.flush()

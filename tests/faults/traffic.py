"""Live traffic: events of several families at a steady rate, and which of them the broker acknowledged."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from confluent_kafka import KafkaException, Producer
from msgspec.structs import replace

from scv.events import event
from scv.events.calendar import from_us
from scv.events.clock import wall_us
from scv.events.country import Country
from scv.events.event import Event
from scv.settings import Settings
from streams.kafka import topics
from tests.streams import shop

STEP = timedelta(seconds=20)
"""Of event time, from one event to the next."""
CUSTOMERS = 200
REFRESH_MS = 1_000
"""So soon the sender sees how many partitions a topic has; by default that takes five minutes."""
AHEAD = 0.01
POISON = (b"", b'{"kind": "placed", ', b"\xff\xfe", b'{"kind":"placed","country":"QQ"}', b"[]", b"null", b"{}")


class Traffic(threading.Thread):
    """Sends until `end`. `acked`: event by id, once its delivery was acknowledged; `poisoned`: bad records that were.

    Some events come late, some twice; `poison` is the share of bad records. In a country that lives on wall time some
    senders' clocks are minutes off, and some say that they are of next year: those are bad records, too.
    """

    def __init__(
        self,
        settings: Settings,
        country: Country,
        seed: int,
        per_second: int,
        poison: float = 0.0,
        customers: int = CUSTOMERS,
    ) -> None:
        super().__init__(daemon=True)
        self.acked: dict[str, Event] = {}
        self.sent = self.poisoned = self.failed = 0
        self._settings, self._country, self._seed, self._rate = settings, country, seed, per_second
        self._customers = customers
        self._dice, self._poison, self._over = random.Random(seed), poison, threading.Event()
        self._turn = threading.Lock()
        # Ours must not be what is tested: a plain producer, set as README tells a shop to set it.
        self._producer = Producer(
            {
                "bootstrap.servers": settings.broker,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "linger.ms": 5,
                "topic.metadata.refresh.interval.ms": REFRESH_MS,
                "log_level": 0,
                "error_cb": lambda _error: None,
            }
        )

    def run(self) -> None:
        begun = time.monotonic()
        while not self._over.is_set():
            if self.sent < (time.monotonic() - begun) * self._rate:
                with self._turn:
                    self._send(self.sent)
                    self.sent += 1
            else:
                self._producer.poll(0.005)

    def end(self) -> None:
        """No more; what is on its way is waited for."""
        self._over.set()
        self.join(10)
        assert self._producer.flush(60) == 0, "the broker does not take what was sent"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing is sent inside the `with`, and all that was is acknowledged when it begins."""
        with self._turn:
            assert self._producer.flush(60) == 0, "the broker does not take what was sent"
            yield

    def _send(self, number: int) -> None:
        dice, is_live = self._dice, self._country.code != shop.US.code
        seen = from_us(wall_us()) if is_live else shop.FIRST + number * STEP
        late = timedelta(days=dice.choice([0] * 8 + [dice.randrange(30), dice.randrange(36, 80)]))
        customer = str(dice.randrange(self._customers))
        made = shop.event_of(dice, f"{self._seed}-{number}", customer, seen - late, seen)
        if is_live:
            skewed = seen + timedelta(seconds=dice.randrange(-240, 240))
            made = replace(made, country=self._country.code, seen_at=dice.choice([None, None, None, skewed]))
            if dice.random() < AHEAD:
                self._produce(replace(made, id=f"ahead-{made.id}", occurred_at=seen + timedelta(days=366)), None)
        for _ in range(dice.choice([1] * 9 + [2])):
            self._produce(made, made)
        if dice.random() < self._poison:
            self._produce(made, None, dice.choice(POISON))

    def _keep(self, made: Event) -> None:
        """The broker has it."""
        self.acked[made.id] = made

    def _produce(self, said: Event, made: Event | None, body: bytes | None = None) -> None:
        """Send an event, or a bad body in its place; `made` is what counts, if it does."""
        family, key = shop.family_of(said), event.key_of(said)
        value = event.encode(said) if body is None else body

        def told(error: Any, _message: Any) -> None:
            if error is not None:
                self.failed += 1
            elif made is None:
                self.poisoned += 1
            else:
                self._keep(made)

        while True:
            try:
                self._producer.produce(topics.events(self._settings, family), value, key, on_delivery=told)
                return
            except (BufferError, KafkaException):
                self._producer.poll(0.1)

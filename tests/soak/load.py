"""What a live country has to bear: events of many customers, calls of the scorer, and a probe of how fresh rows are."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, defaultdict
from typing import Any

import numpy as np
from confluent_kafka import Producer

from rpc import scorer_pb2
from rpc.client import ScorerClient, ScorerError
from scv.events import event
from scv.events.calendar import from_us
from scv.events.clock import wall_us
from scv.events.country import Country
from scv.events.event import Event
from scv.features.fetcher import collect
from scv.model import vector
from scv.online.reader import Reader
from scv.settings import Settings
from streams.kafka import topics
from tests import champions
from tests.faults.traffic import Traffic
from tests.soak.slope import Point

CUSTOMERS = 20_000
ONE_IN = 40
"""So many customers are compared with the oracle in the end: all would be a million events in its memory."""
PROBES = 20
PROBE_EVERY_S = 0.5
PROBE_WITHIN_S = 30.0
LOOK_S = 0.01
CALLERS = 4
ROUNDS = 20


class Sending(Traffic):
    """Of a sample of customers `acked` keeps the events, of all of them `ids`."""

    def __init__(self, settings: Settings, country: Country, seed: int, per_second: int) -> None:
        super().__init__(settings, country, seed, per_second, customers=CUSTOMERS)
        self.ids = set[str]()

    @property
    def sample(self) -> list[str]:
        """Customers who are compared, and who are known by now."""
        return list({one.customer_id: None for one in list(self.acked.values())})

    def _keep(self, made: Event) -> None:
        self.ids.add(made.id)
        if int(made.customer_id) % ONE_IN == 0:
            super()._keep(made)


class Probe(threading.Thread):
    """Orders of customers of its own, one after the other: how long from `produce` until a read has the order counted.

    `acked`: its events, by id; `ages`: seconds, by when they were sent.
    """

    def __init__(self, settings: Settings, country: Country, reader: Reader) -> None:
        super().__init__(daemon=True, name="probe")
        self.acked: dict[str, Event] = {}
        self.ages: list[Point] = []
        self._settings, self._country, self._reader = settings, country, reader
        self._over, self._begun = threading.Event(), time.monotonic()
        self._producer = Producer(
            {"bootstrap.servers": settings.broker, "partitioner": "murmur2_random", "linger.ms": 0, "log_level": 0}
        )
        self._orders = [collect()["orders"]]

    def run(self) -> None:
        number = 0
        while not self._over.wait(max(number * PROBE_EVERY_S - (time.monotonic() - self._begun), 0.0)):
            self._try(number)
            number = max(number + 1, int((time.monotonic() - self._begun) / PROBE_EVERY_S))

    def end(self) -> None:
        self._over.set()
        self.join()

    def _try(self, number: int) -> None:
        customer = f"probe-{number % PROBES}"
        common: dict[str, Any] = {"country": self._country.code, "customer_id": customer}
        made = event.Placed(id=f"probe-{number}", occurred_at=from_us(wall_us()), amount_cents=100, items=1, **common)
        before = self._count(customer)
        sent = time.monotonic()
        self._producer.produce(topics.events(self._settings, "orders"), event.encode(made), event.key_of(made))
        self._producer.flush(PROBE_WITHIN_S)
        self.acked[made.id] = made
        while self._count(customer) == before and time.monotonic() - sent < PROBE_WITHIN_S:
            time.sleep(LOOK_S)
        self.ages.append(Point(sent - self._begun, time.monotonic() - sent))

    def _count(self, customer: str) -> int:
        (view,) = self._reader.read(self._country, [customer], self._orders)
        return int(view.fetchers["orders"].values["count_ever"] or 0)


class Calls:
    """Calls of the scorer at a steady rate, from some threads: each begins when its turn is, whatever the others took.

    `seconds`: by status, of every call from its turn to its answer; `failed`: by gRPC's name of the error.
    """

    def __init__(self, settings: Settings, country: Country, customers: list[str], per_second: float) -> None:
        self.seconds, self.failed = defaultdict[str, list[Point]](list), Counter[str]()
        self._client, self._country, self._customers = ScorerClient(settings.scorer), country, customers
        self._every_s, self._over, self._begun = CALLERS / per_second, threading.Event(), time.monotonic()
        self._threads = [threading.Thread(target=self._call, args=(n,), daemon=True) for n in range(CALLERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._client.channel.close()

    def _call(self, number: int) -> None:
        dice, turn = random.Random(number), self._begun + number * self._every_s / CALLERS
        while not self._over.wait(max(turn - time.monotonic(), 0.0)):
            try:
                reply = self._client.score(self._country.code, dice.choice(self._customers), ["lapse"])
            except ScorerError as error:
                self.failed[error.code] += 1
            else:
                status = scorer_pb2.Status.Name(reply.targets[0].status)
                self.seconds[status].append(Point(turn - self._begun, time.monotonic() - turn))
            turn += self._every_s


def promote(settings: Settings, country: Country, reader: Reader, customers: list[str]) -> None:
    """A small champion of lapse, of what these customers' rows say now; it tells nothing, and costs what one costs."""
    views = reader.read(country, customers, list(collect().values()))
    rows = [view.values() for view in views if view.known]
    features = {name: [row[name] for row in rows] for name in rows[0]}
    columns = vector.candidates(features, country)
    matrix = vector.matrix(features, columns)
    y = (np.random.default_rng(3).random(len(rows)) < 1 / 3).astype(float)
    told = champions.told(country, "lapse", columns, features, y, from_us(wall_us()))
    champions.promoted(settings, country, told, champions.grown(matrix, y, ROUNDS))

"""A town's way through the broker and both consumers, every way to a value compared where it stops."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from proof.naive.sides import ParityTally
from scv.offline.lake import Lake
from scv.online.rowstore import RowStore
from scv.settings import Settings
from store.client import connect
from streams.kafka import topics
from streams.lake.consumer import LakeConsumer
from streams.online.consumer import OnlineConsumer
from streams.positions.barrier import barrier
from tests.flow import scores, town
from tests.flow.town import BEGIN, LATER, TUESDAY, Town
from tests.flow.ways import Compared, Place
from tests.streams import shop


@dataclass
class Passage:
    """Ways and scores as compared, how many arrivals were sent, and what each consumer counted."""

    compared: Compared = field(default_factory=Compared)
    scored: ParityTally = field(default_factory=ParityTally)
    sent: int = 0
    counted: list[dict[str, Any]] = field(default_factory=list)

    @property
    def wrong(self) -> list[str]:
        return [wrong for tally in (*self.compared.tallies.values(), self.scored) for wrong in tally.wrong]


def go(live: Settings, made: Town, timeout_s: float = 60) -> Passage:
    """Send a town in two parts; at both barriers compare, and score from the first on with champions made there."""
    found = Passage()
    topics.ensure(live)
    with connect(live) as client, shop.Running(live, OnlineConsumer, LakeConsumer) as running:
        for since, until, stops in ((BEGIN, TUESDAY, (TUESDAY,)), (TUESDAY, LATER, (TUESDAY, LATER))):
            found.sent += town.send(live, made, since, until)
            barrier(live, RowStore(client), Lake(live.lake_path), timeout_s=timeout_s)
            place, logs = Place(live, client, made.country, until, made.customers), made.logs(*stops)
            expected = found.compared.at(place, logs)
            if until == TUESDAY:
                scores.train(place, expected)
            scores.compare(place, expected, logs, found.scored, tuesday=until == TUESDAY)
    found.counted = [one.counters.facts() for one in running.consumers]
    return found

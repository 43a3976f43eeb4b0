"""The reactor beside the demo, and the first alert that it publishes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from local.demo.findings import Findings
from local.demo.stage import Stage
from local.services.workers import worker
from scv.errors import Unreachable
from scv.settings import PREFIX, Settings
from streams import heartbeat
from streams.kafka import librdkafka, topics
from streams.reactor import Alert

READY_S = 40.0
LONGEST_S = 20.0


@contextmanager
def reactor(stage: Stage) -> Iterator[None]:
    """The reactor as a child process inside the `with`, which begins once it hears."""
    settings = stage.settings
    environment = {f"{PREFIX}{name}": getattr(settings, name.lower()) for name in ("HOME", "BROKER", "STORE", "SCORER")}
    child = worker("reactor", ["react"], settings.home_path / "services", environment)
    child.start()
    try:
        child.wait_ready(lambda: heartbeat.read(stage.client, "reactor") is not None, READY_S)
        yield
    finally:
        child.stop()


def tell(stage: Stage, found: Findings) -> None:
    """Wait for an alert and show the one that is surest."""
    deadline, alerts = time.monotonic() + LONGEST_S, list[Alert]()
    while not alerts and time.monotonic() < deadline:
        alerts = [one for one in published(stage.settings) if one.change == "raised"]
    if not alerts:
        raise Unreachable(
            f"No alert came within {LONGEST_S:.0f} s. Look at the reactor's log in {stage.settings.home}."
        )
    risk = max(alerts, key=lambda one: one.risk.probability).risk
    found.show(
        "An alert",
        f"{len(alerts)} alerts on {topics.alerts(stage.settings)}; the surest, as Faust published it after asking the "
        f"scorer:\n  {msgspec.json.encode(risk).decode()}",
    )


def published(settings: Settings) -> list[Alert]:
    """Everything on the alerts topic."""
    topic = topics.alerts(settings)
    config = {"group.id": "cerebro-demo", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = librdkafka.consumer(settings, config)
    try:
        parts = range(settings.partitions)
        consumer.assign([TopicPartition(topic, part, OFFSET_BEGINNING) for part in parts])
        ended: set[int] = set()
        alerts = []
        while len(ended) < len(parts):
            message = consumer.poll(5.0)
            if message is None:
                break
            if message.error():
                ended.add(message.partition())
            else:
                alerts.append(msgspec.json.decode(message.value(), type=Alert))
        return alerts
    finally:
        consumer.close()

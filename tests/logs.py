"""The log that small worlds stand in where no broker runs: two partitions a family, in its first epoch."""

from __future__ import annotations

from pathlib import Path

from scv import stamp
from scv.events.event import FAMILIES
from scv.events.partition import partition_of
from scv.offline.lake import Epoch
from scv.online.facts import Log

PARTITIONS, EPOCH = 2, 1


def topic(family: str) -> str:
    return f"cerebro.{family}"


def log(family: str) -> Log:
    return Log(family=family, epoch=EPOCH, topic_id=f"{sorted(FAMILIES).index(family) + 1:032x}", partitions=PARTITIONS)


LOGS = {topic(family): log(family) for family in FAMILIES}


def home_of(country: str, customer: str) -> int:
    """The partition of a customer's events."""
    return partition_of(f"{country}:{customer}".encode(), PARTITIONS)


def begin(lake: Path) -> None:
    """A lake that is to be filled from it."""
    lake.mkdir(parents=True)
    topics = {name: one.topic_id for name, one in LOGS.items()}
    (lake / "epoch.json").write_bytes(stamp.sealed(Epoch(epoch=EPOCH, topics=topics, partitions=PARTITIONS)))

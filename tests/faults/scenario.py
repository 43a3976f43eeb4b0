"""What is broken on purpose: each scenario disturbs a stage under traffic and says how many trials that were."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from local.services.process import Child
from scv.errors import Unreachable
from scv.events import event
from scv.settings import Settings
from streams.faultpoint import POINTS
from streams.kafka import librdkafka, topics
from streams.kafka.log import Broker
from streams.kafka.topics import Topic
from tests.faults.stage import Stage
from tests.faults.traffic import REFRESH_MS

POINT_S = 30.0
"""For so long a member may take to come to its fault point."""
TWO_OF_EACH = ("online-1", "online-2", "lake-1", "lake-2")
ONE_OF_EACH = ("online-1", "lake-1")


@dataclass(frozen=True)
class Scenario:
    """`trials` in a whole run, `few` in a short one. `keeps_log`: it needs a broker that keeps what it acknowledged.
    `is_live`: the country lives on wall time, under skewed senders. `lake_kb`: the lake lies on a disk of that size.
    """

    name: str
    disturb: Callable[[Stage, int], int]
    trials: int
    few: int
    members: tuple[str, ...] = TWO_OF_EACH
    poison: float = 0.0
    keeps_log: bool = False
    is_live: bool = False
    lake_kb: int = 0


SCENARIOS: dict[str, Scenario] = {}


def scenario(name: str, trials: int, few: int = 1, **more: object) -> Callable[..., Callable[[Stage, int], int]]:
    """Collects what it decorates."""

    def collect(disturb: Callable[[Stage, int], int]) -> Callable[[Stage, int], int]:
        SCENARIOS[name] = Scenario(name, disturb, trials, few, **more)  # type: ignore[arg-type]
        return disturb

    return collect


@scenario("members killed under rebalance", trials=70, few=6)
def killed(stage: Stage, trials: int) -> int:
    dice = random.Random(trials)
    for _, name in zip(range(trials), itertools.cycle(stage.members), strict=False):
        stage.kill(name)
        time.sleep(dice.uniform(0.3, 1.5))
    return trials


@scenario("killed at named points", trials=21, few=7, members=("online-1", "lake-1", "online-2"))
def at_points(stage: Stage, trials: int) -> int:
    """Each with records in hand: read, half written, written, committed."""
    reached = 0
    points = [point for point in POINTS if _member(point) in stage.members]  # a command's are tested with it
    for point, _ in zip(itertools.cycle(points), range(trials), strict=False):
        name = _member(point)
        stage.arm(name, point)
        end = time.monotonic() + POINT_S
        while stage.members[name].alive and time.monotonic() < end:
            time.sleep(0.05)
        reached += stage.disarm(name)
    return reached


def _member(point: str) -> str:
    return f"{point.partition('.')[0]}-1"


@scenario("a live country's members killed and stopped", trials=20, few=5, is_live=True)
def live(stage: Stage, trials: int) -> int:
    return killed(stage, trials - 1) + zombies(stage, 1)


@scenario("zombies: stopped past their session and woken", trials=4, few=1)
def zombies(stage: Stage, trials: int) -> int:
    session_s = stage.settings.session_ms / 1000
    for number in range(trials):
        pair = ("online-1", "lake-1") if number % 2 == 0 else ("online-2", "lake-2")
        with stage.paused(pair[0]), stage.paused(pair[1]):
            time.sleep(2 * session_s + 2)
    return trials


@scenario("store killed", trials=5, few=1)
def store_killed(stage: Stage, trials: int) -> int:
    """It comes back empty: rows are built from the lake again."""
    for _ in range(trials):
        stage.services.restart_store(kill=True)
        time.sleep(2)
    return trials


@scenario("store emptied", trials=5, few=1)
def store_emptied(stage: Stage, trials: int) -> int:
    for _ in range(trials):
        stage.store.flushall()
        time.sleep(2)
    return trials


@scenario("store full", trials=3, few=1)
def store_full(stage: Stage, trials: int) -> int:
    for _ in range(trials):
        used = stage.store.info("memory")["used_memory"]
        stage.store.config_set("maxmemory", used // 2)
        time.sleep(3)
        stage.store.config_set("maxmemory", 0)
        time.sleep(1)
    return trials


@scenario("store set back to an old dump", trials=3, few=1)
def store_set_back(stage: Stage, trials: int) -> int:
    """As one that is restored from a backup: killed, and met again only with what it held."""
    for _ in range(trials):
        store = stage.store
        store.save()
        dump = Path(store.config_get("dir")["dir"]) / store.config_get("dbfilename")["dbfilename"]
        time.sleep(2)
        stage.services.restart_store(kill=True)
        dump.unlink()  # the next start is of an empty one again
        time.sleep(2)
    return trials


@scenario("store stopped for a while", trials=3, few=1)
def store_stopped(stage: Stage, trials: int) -> int:
    return _stopped(stage.services.store.child, 6, 1, trials)


@scenario("broker killed in mid-batch", trials=4, few=1, keeps_log=True)
def broker_killed(stage: Stage, trials: int) -> int:
    for _ in range(trials):
        stage.services.restart_broker(kill=True)
        time.sleep(3)
    return trials


@scenario("topic recreated", trials=3, few=1, keeps_log=True)
def recreated(stage: Stage, trials: int) -> int:
    """Deleted and made again under consumers, then sent to again. Not on the embedded broker: its answer about a topic
    that is gone ends librdkafka.
    """
    broker = Broker(stage.settings)
    for number in range(trials):
        topic = topics.events(stage.settings, ("app", "orders", "payments")[number % 3])
        with stage.held():  # what a topic takes with it that nobody has read yet is gone
            stage.recovered()
            since = len(stage.ends)
            _make_again(broker, stage.settings, topic)
        _noticed(stage, since, topic)
        assert stage.run(["rebuild", "US"]).wait(60) == 0
        stage.recovered()
    return trials


@scenario("partitions raised", trials=2, few=1, keeps_log=True)
def raised(stage: Stage, trials: int) -> int:
    """Of one topic, then of the others too, as the error says. Not on the embedded broker: it cannot."""
    admin = librdkafka.admin(stage.settings)
    for number in range(trials):
        count, names = 5 + 2 * number, [topics.events(stage.settings, family) for family in event.FAMILIES]
        since = len(stage.ends)
        _raise(admin, names[:1], count)
        _noticed(stage, since, names[0])
        assert stage.run(["rebuild", "US"]).wait(60) == 2, "the others have fewer"
        _raise(admin, names[1:], count)
        assert stage.run(["rebuild", "US"]).wait(60) == 0
        time.sleep(2 * REFRESH_MS / 1000)
        with stage.held():  # what came by the old layout is kept as dead letters
            stage.recovered()
            assert stage.run(["dead-letters", "send", "--reason", "wrong partition"]).wait(60) == 0
    return trials


def _raise(admin: AdminClient, names: Sequence[str], count: int) -> None:
    for made in admin.create_partitions([NewPartitions(name, count) for name in names]).values():
        made.result()


def _noticed(stage: Stage, since: int, what: str) -> None:
    """Every member ends, and says what and what to do."""
    said = stage.all_end(since)
    assert all(what in words and "`cerebro rebuild`" in words for words in said), said


def _make_again(broker: Broker, settings: Settings, topic: str) -> None:
    """Delete a topic, and make it as `topics.ensure` would, until the broker knows it by another id."""
    before = broker.topics([topic])[topic].topic_id
    broker.admin.delete_topics([topic])[topic].result()
    new = NewTopic(topic, settings.partitions, config=topics.wanted(settings)[topic])
    for _ in range(100):
        with suppress(KafkaException):  # the old one is still there, or the new one is
            broker.admin.create_topics([new])[topic].result()
        if broker.topics([topic]).get(topic, Topic(topic, before, 0, 0)).topic_id != before:
            return
        time.sleep(0.1)
    raise Unreachable(f"{topic} does not come anew.")


@scenario("broker stopped for a while", trials=3, few=1)
def broker_stopped(stage: Stage, trials: int) -> int:
    return _stopped(stage.services.broker.child, 2 * stage.settings.session_ms / 1000, 3, trials)


def _stopped(part: Child, away_s: float, then_s: float, trials: int) -> int:
    """A part that does not answer for a while, with a pause after it."""
    for _ in range(trials):
        os.kill(part.pid, signal.SIGSTOP)
        time.sleep(away_s)
        os.kill(part.pid, signal.SIGCONT)
        time.sleep(then_s)
    return trials


@scenario("half of all records are poison", trials=6, few=2, poison=1.0)
def poison(stage: Stage, trials: int) -> int:
    return killed(stage, trials)


@scenario("two rebuilds at once under traffic", trials=4, few=1, members=ONE_OF_EACH)
def rebuilds(stage: Stage, trials: int) -> int:
    for number in range(trials):
        _both(stage, _rebuild(number))
    return trials


@scenario("rebuild killed under traffic", trials=6, few=1, members=ONE_OF_EACH)
def rebuild_killed(stage: Stage, trials: int) -> int:
    dice = random.Random(7)
    for number in range(trials):
        running = stage.run(_rebuild(number))
        time.sleep(dice.uniform(0.8, 2.5))
        running.kill()
        running.wait()
        assert stage.run(["rebuild", "US"]).wait(60) == 0
    return trials


def _rebuild(number: int) -> list[str]:
    """A country's missing rows, and all of them afresh, by turns."""
    return ["rebuild", "--afresh"] if number % 2 else ["rebuild", "US"]


def _both(stage: Stage, words: list[str]) -> None:
    """The same command twice at the same time; both do what they are asked to."""
    codes: list[int] = []
    threads = [threading.Thread(target=lambda: codes.append(stage.run(words).wait(90))) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert codes == [0, 0], (words, codes)

"""How long topics keep what, how often, by whose clock: set when we create them, told where a cluster has it otherwise.
And what a broker dropped before anybody read it is said, counted and kept."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType

import cli
from scv.errors import CerebroError
from scv.events import event
from scv.offline.lake import Lake
from scv.online.rowstore import RowStore
from scv.settings import Settings
from store.heartbeat import members
from streams.kafka import librdkafka, topics
from streams.kafka.log import Bounds, Broker, Part, parts
from streams.lake.consumer import LakeConsumer
from streams.online.consumer import OnlineConsumer
from streams.positions.position import positions
from tests.streams import shop
from tests.streams.conftest import BROKER

WEEK_MS = str(7 * 86_400_000)


def configured(settings: Settings) -> dict[str, dict[str, str]]:
    """What the broker says of each of our topics."""
    client = librdkafka.admin(settings)
    asked = [ConfigResource(ResourceType.TOPIC, name) for name in topics.wanted(settings)]
    return {
        resource.name: {name: str(entry.value) for name, entry in future.result().items()}
        for resource, future in client.describe_configs(asked).items()
    }


def test_nothing_that_is_to_be_kept_vanishes_by_a_clusters_default(live: Settings) -> None:
    said: list[str] = []
    found = topics.ensure(live, said.append)
    kept = configured(live)
    for family in event.FAMILIES:
        for name in (topics.events(live, family), topics.dead_letters(live, family)):
            assert (kept[name]["retention.ms"], kept[name]["retention.bytes"]) == ("-1", "-1")
        assert kept[topics.events(live, family)]["message.timestamp.type"] == "LogAppendTime"
    assert kept[topics.scv_changed(live)]["cleanup.policy"] == "compact"
    assert kept[topics.alerts(live)]["retention.ms"] == WEEK_MS
    assert all(one.copies == 1 for one in found.values())
    topics.ensure(live, said.append)
    assert said == [], "what we gave them is what we would give them"


def test_days_and_copies_are_settings(live: Settings) -> None:
    chosen = msgspec.structs.replace(live, event_days=30, dead_letter_days=7, replication=1)
    topics.ensure(chosen)
    kept = configured(chosen)
    assert kept[topics.events(chosen, "app")]["retention.ms"] == str(30 * 86_400_000)
    assert kept[topics.dead_letters(chosen, "app")]["retention.ms"] == WEEK_MS


def test_what_a_topic_has_otherwise_is_told_once_for_all_of_them(live: Settings) -> None:
    """Made by hand, or by a version that let the cluster choose."""
    client = librdkafka.admin(live)
    names = [topics.events(live, family) for family in ("app", "mail")]
    made = [NewTopic(name, live.partitions, -1, config={"retention.ms": WEEK_MS}) for name in names]
    for future in client.create_topics(made).values():
        future.result()
    said: list[str] = []
    found = topics.ensure(live, said.append)
    assert [line for line in said if "retention.ms" in line] == [
        f"Topic {names[0]} (and 1 more) has retention.ms={WEEK_MS}, not -1. Nothing of ours alters a topic: mend it "
        "with the broker's tools (kafka-configs, kafka-reassign-partitions)."
    ]
    assert configured(live)[names[0]]["retention.ms"] == WEEK_MS, "it stays as it is"
    wish = msgspec.structs.replace(live, replication=3)
    said.clear()
    assert topics.ensure(wish, said.append) == found
    assert any(f"(and {len(found) - 1} more) has fewer copies than CEREBRO_REPLICATION=3" in line for line in said)


@pytest.mark.real
@pytest.mark.skipif(BROKER != "kafka", reason="the embedded broker keeps one copy, whatever it is asked for")
def test_more_copies_than_brokers_is_an_error_that_names_the_setting(live: Settings) -> None:
    with pytest.raises(CerebroError, match="CEREBRO_REPLICATION"):
        topics.ensure(msgspec.structs.replace(live, replication=3))


# -- what nobody can read any more -------------------------------------------------------------------------------


def drop(settings: Settings, monkeypatch: pytest.MonkeyPatch, part: Part, before: int) -> None:
    """The broker drops a partition's records before an offset; the embedded one cannot, so it only says that it did."""
    if BROKER == "kafka":
        admin, gone = librdkafka.admin(settings), TopicPartition(*part, before)
        admin.delete_records([gone])[gone].result()
        return
    bounds = Broker.bounds

    def dropped(self: Broker, wanted: Any) -> dict[Part, Bounds]:
        found = bounds(self, wanted)
        return {one: span._replace(low=before) if one == part else span for one, span in found.items()}

    monkeypatch.setattr(Broker, "bounds", dropped)


@pytest.mark.usefixtures("here")
def test_what_was_dropped_before_anybody_read_it_is_said_counted_and_kept(
    live: Settings, client: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.send(live, shop.log(1, 300))
    part = Part(topics.events(live, "orders"), 0)
    drop(live, monkeypatch, part, 7)
    with shop.Running(live, OnlineConsumer, LakeConsumer) as running:
        shop.settle(live, client)
        shop.wait(lambda: all(one.counters.taken for one in running.consumers))
    assert all(one.counters.facts()["lost"] == 7 for one in running.consumers)
    said = [line for line in running.said if "begins at offset 7" in line]
    assert len(said) == 2 and all(part.topic in line and "cerebro replay" in line for line in said)
    store = RowStore(client)
    assert store.positions([part])[0].lost == 7
    stands = positions(store, Lake(live.lake_path), store.logs())
    assert stands.together and stands.online[part] > 7
    drop(live, monkeypatch, part, stands.online[part])
    shop.send(live, shop.log(2, 100))
    again = shop.consume(live)
    assert [one["lost"] for one in again] == [0, 0], "what was read may go"
    shop.compare(live, client)
    with shop.Running(live, OnlineConsumer, LakeConsumer) as running:
        shop.wait(lambda: all(members(client, name) for name in ("online", "lake")))
        for name in ("online", "lake"):
            assert cli.main(["health", name]) == 0
            assert "7 offsets had left the broker before anybody read them" in capsys.readouterr().out


def test_an_empty_partition_that_begins_later_is_followed_from_there(
    live: Settings, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything was dropped: both stand behind it at once, and do not wait for a record."""
    shop.send(live, shop.log(1, 100), None)
    topics.ensure(live)
    broker = Broker(live)
    logs = {topics.events(live, "orders"): 0}
    end = broker.ends([Part(topic, partition) for topic, partition in logs.items()])
    broker.close()
    ((part, count),) = end.items()
    assert count > 0
    drop(live, monkeypatch, part, count)
    online, lake = shop.consume(live)
    assert online["lost"] == lake["lost"] == count
    store = RowStore(client)
    stands = positions(store, Lake(live.lake_path), store.logs())
    assert stands.online[part] == stands.lake[part] == count and set(stands.online) == set(parts(store.logs()))

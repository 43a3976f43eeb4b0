"""Our topics: their names, their settings, and a wait for a broker that is not up yet.

One topic per event family, its dead letters `.dlq`, the compacted `scv-changed` and `alerts`. Only this file creates
topics; nothing here alters or deletes one, because a changed topic means that rows must be rebuilt (LogChanged).
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import ConfigResource, NewTopic, ResourceType

from scv.errors import CerebroError, Unreachable
from scv.events.event import FAMILIES
from scv.settings import Settings
from scv.talk import say as talk
from streams.kafka import librdkafka

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""More than consumers take (1 MB), so that an oversized record reaches them to be refused and kept."""
MAX_DEAD_LETTER_BYTES = 5 * 1024 * 1024
"""An oversized record and the reason, in headers."""

ALERT_DAYS = 7
"""Whoever acts on alerts hears them live; nothing is made from them again."""

_DAY_MS = 86_400_000
_ANSWER_S = 15.0
_PROBE_S = 1.0
_ALTER = "Nothing of ours alters a topic: mend it with the broker's tools (kafka-configs, kafka-reassign-partitions)."
_ALREADY = "TOPIC_ALREADY_EXISTS"
_COPIES = "INVALID_REPLICATION_FACTOR"


class Topic(NamedTuple):
    """A topic as the broker has it; another id (in hex) under the same name means that it was created anew."""

    name: str
    topic_id: str
    partitions: int
    copies: int


def events(settings: Settings, family: str) -> str:
    """The topic of a family.

    >>> events(Settings(), "app")
    'cerebro.app'
    """
    return f"{settings.topic_prefix}.{family}"


def dead_letters(settings: Settings, family: str) -> str:
    """The topic that keeps what was refused from a family's topic."""
    return f"{events(settings, family)}.dlq"


def scv_changed(settings: Settings) -> str:
    """The compacted topic of customers whose rows moved."""
    return f"{settings.topic_prefix}.scv-changed"


def alerts(settings: Settings) -> str:
    """The topic on which the reactor publishes."""
    return f"{settings.topic_prefix}.alerts"


def wanted(settings: Settings) -> dict[str, dict[str, str]]:
    """Topic name → broker settings, of every topic that we own; whatever the cluster's own defaults are."""
    event = _kept(settings.event_days) | {"max.message.bytes": str(MAX_EVENT_BYTES)}
    event |= {"message.timestamp.type": "LogAppendTime"}  # times are bounded by the record's own: the broker's word
    letter = _kept(settings.dead_letter_days) | {"max.message.bytes": str(MAX_DEAD_LETTER_BYTES)}
    names = {events(settings, name): event for name in FAMILIES}
    names |= {dead_letters(settings, name): letter for name in FAMILIES}
    return names | {scv_changed(settings): {"cleanup.policy": "compact"}, alerts(settings): _kept(ALERT_DAYS)}


def _kept(days: int) -> dict[str, str]:
    """For so many days, whatever it takes; 0: for ever."""
    return {"cleanup.policy": "delete", "retention.ms": str(days * _DAY_MS or -1), "retention.bytes": "-1"}


def wait(
    settings: Settings, say: Callable[[str], None] = talk, alive: Callable[[], None] = lambda: None
) -> librdkafka.AdminClient:
    """An admin client of a broker that answers.

    Says on stderr (or through `say`) once that it waits; raises Unreachable after `settings.wait_s` seconds. `alive` is
    called between tries and may raise.
    """
    client = librdkafka.admin(settings, {"socket.timeout.ms": 5000})
    deadline = time.monotonic() + settings.wait_s
    said = False
    while True:
        try:
            client.list_topics(timeout=_PROBE_S)
            return client
        except KafkaException as error:
            if not said:
                say(f"Waiting up to {settings.wait_s} s for the broker {settings.broker} …")
                said = True
            if time.monotonic() >= deadline:
                raise unreachable(settings, error) from error
            alive()
            time.sleep(0.2)


def ensure(settings: Settings, say: Callable[[str], None] = talk) -> dict[str, Topic]:
    """Every topic of ours by name, after creating the missing ones.

    An existing topic stays as it is, whatever its partition count; says where its settings are not those that we
    would give it. Raises Unreachable.
    """
    client = wait(settings, say)
    names = wanted(settings)
    if missing := names.keys() - client.list_topics(timeout=_ANSWER_S).topics.keys():
        _create(client, settings, {name: names[name] for name in sorted(missing)})
    found = _described(client, settings, names)
    for line in _differences(names, _configured(client, names)):
        say(line)
    if few := [name for name in names if found[name].copies < settings.replication]:
        say(f"{_listed(few)} has fewer copies than CEREBRO_REPLICATION={settings.replication}. {_ALTER}")
    return found


def _create(client: librdkafka.AdminClient, settings: Settings, missing: dict[str, dict[str, str]]) -> None:
    copies = settings.replication or -1
    new = [NewTopic(name, settings.partitions, copies, config=config) for name, config in missing.items()]
    for name, future in client.create_topics(new, request_timeout=_ANSWER_S).items():
        try:
            future.result()
        except KafkaException as error:
            what = error.args[0].name()
            if what != _ALREADY:  # another process was faster: that is what we wanted
                hint = " CEREBRO_REPLICATION must fit the number of brokers." if what == _COPIES else ""
                raise CerebroError(f"Topic {name} cannot be created on {settings.broker}: {error}.{hint}") from error


def _configured(client: librdkafka.AdminClient, names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Topic → its settings; without those that the broker does not tell us."""
    asked = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    found = {}
    for resource, future in client.describe_configs(asked, request_timeout=_ANSWER_S).items():
        try:
            found[resource.name] = {name: str(entry.value) for name, entry in future.result().items()}
        except KafkaException:
            continue  # not every user may ask
    return found


def _differences(names: Mapping[str, Mapping[str, str]], found: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """A sentence for every setting that topics have otherwise than we would give it, with all of these topics."""
    apart: dict[tuple[str, str, str], list[str]] = {}
    for topic, settings in names.items():
        for name, value in settings.items():
            has = found.get(topic, {}).get(name, value)
            if has != value:
                apart.setdefault((name, has, value), []).append(topic)
    for (name, has, value), topics in apart.items():
        yield f"{_listed(topics)} has {name}={has}, not {value}. {_ALTER}"


def _listed(names: Sequence[str]) -> str:
    """
    >>> _listed(["cerebro.app", "cerebro.mail", "cerebro.orders"])
    'Topic cerebro.app (and 2 more)'
    """
    return f"Topic {names[0]}" + (f" (and {len(names) - 1} more)" if len(names) > 1 else "")


def _described(client: librdkafka.AdminClient, settings: Settings, names: Iterable[str]) -> dict[str, Topic]:
    """All of them: a broker may acknowledge a new topic a moment before it describes it."""
    deadline = time.monotonic() + _ANSWER_S
    while True:
        try:
            found = described(client.describe_topics(TopicCollection(list(names)), request_timeout=_ANSWER_S))
        except KafkaException as error:
            raise unreachable(settings, error) from error
        missing = set(names) - found.keys()
        if not missing:
            return found
        if time.monotonic() > deadline:
            raise CerebroError(f"Topics {sorted(missing)} were created on {settings.broker} but it does not show them")
        time.sleep(0.1)


def described(answers: Mapping[str, Future[Any]]) -> dict[str, Topic]:
    """Topics as `describe_topics` has them, without those that there are not.

    Raises KafkaException where the broker did not answer.
    """
    found: dict[str, Topic] = {}
    for name, future in answers.items():
        try:
            topic = future.result()
        except KafkaException as error:
            if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                continue
            raise
        if topic.partitions:
            copies = min(len(one.replicas) for one in topic.partitions)
            found[name] = Topic(name, hex_id(str(topic.topic_id)), len(topic.partitions), copies)
    return found


def hex_id(topic_id: str) -> str:
    """A topic id as librdkafka writes it (base64) in hex.

    >>> hex_id("AaIGWbyqcJGdOsFyiHNQaQ")
    '01a20659bcaa70919d3ac17288735069'
    """
    return base64.b64decode(topic_id + "=" * (-len(topic_id) % 4), altchars=b"-_").hex()


def unreachable(settings: Settings, error: Exception) -> Unreachable:
    return Unreachable(
        f"No Kafka broker answers at {settings.broker} ({error}). Start one with `cerebro up`, or set CEREBRO_BROKER."
    )

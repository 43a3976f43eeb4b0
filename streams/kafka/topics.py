"""Our topics: their names, their settings, and a wait for a broker that is not up yet.

One topic per event family, its dead letters `.dlq`, the compacted `scv-changed` and `alerts`. Only this file creates
topics; nothing here alters or deletes one, because a changed topic means that rows must be rebuilt (LogChanged).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import NewTopic

from scv.errors import CerebroError, Unreachable
from scv.events.event import FAMILIES
from scv.settings import Settings
from scv.talk import say as talk
from streams.kafka import librdkafka

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""More than consumers take (1 MB), so that an oversized record reaches them to be refused and kept."""
MAX_DEAD_LETTER_BYTES = 5 * 1024 * 1024
"""An oversized record and the reason, in headers."""

_ANSWER_S = 15.0
_PROBE_S = 1.0
_ALREADY = "TOPIC_ALREADY_EXISTS"
_UNKNOWN = "UNKNOWN_TOPIC_OR_PART"


class Topic(NamedTuple):
    """A topic as the broker has it; another `id` under the same name means that it was created anew."""

    name: str
    id: str
    partitions: int


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
    """Topic name → broker settings, of every topic that we own."""
    family_topics = {events(settings, name): {"max.message.bytes": str(MAX_EVENT_BYTES)} for name in FAMILIES}
    letters = {dead_letters(settings, name): {"max.message.bytes": str(MAX_DEAD_LETTER_BYTES)} for name in FAMILIES}
    return family_topics | letters | {scv_changed(settings): {"cleanup.policy": "compact"}, alerts(settings): {}}


def wait(settings: Settings, say: Callable[[str], None] = talk) -> librdkafka.AdminClient:
    """An admin client of a broker that answers.

    Says on stderr (or through `say`) once that it waits; raises Unreachable after `settings.wait_s` seconds.
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
                raise _unreachable(settings, error) from error
            time.sleep(0.2)


def ensure(settings: Settings, say: Callable[[str], None] = talk) -> dict[str, Topic]:
    """Every topic of ours by name, after creating the missing ones.

    An existing topic stays as it is, whatever its partition count. Raises Unreachable.
    """
    client = wait(settings, say)
    names = wanted(settings)
    missing = names.keys() - _existing(client, names)
    if missing:
        _create(client, settings, {name: names[name] for name in sorted(missing)})
    return _described(client, names, settings)


def describe(settings: Settings, names: Iterable[str] | None = None) -> dict[str, Topic]:
    """The named topics (default: all of ours) as the broker has them now; one that is missing is left out.

    Raises Unreachable when no broker answers within `settings.wait_s`.
    """
    client = wait(settings)
    return _describe(client, list(wanted(settings) if names is None else names), settings)


def _existing(client: librdkafka.AdminClient, names: Iterable[str]) -> set[str]:
    return set(client.list_topics(timeout=_ANSWER_S).topics) & set(names)


def _create(client: librdkafka.AdminClient, settings: Settings, missing: dict[str, dict[str, str]]) -> None:
    new = [NewTopic(name, settings.partitions, 1, config=config) for name, config in missing.items()]
    for name, future in client.create_topics(new, request_timeout=_ANSWER_S).items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].name() != _ALREADY:  # another process was faster: that is what we wanted
                raise CerebroError(f"Topic {name} cannot be created on {settings.broker}: {error}") from error


def _described(client: librdkafka.AdminClient, names: Iterable[str], settings: Settings) -> dict[str, Topic]:
    """All of them: a broker may acknowledge a new topic a moment before it describes it."""
    deadline = time.monotonic() + _ANSWER_S
    while True:
        found = _describe(client, list(names), settings)
        missing = set(names) - found.keys()
        if not missing:
            return found
        if time.monotonic() > deadline:
            raise CerebroError(f"Topics {sorted(missing)} were created on {settings.broker} but it does not show them")
        time.sleep(0.1)


def _describe(client: librdkafka.AdminClient, names: list[str], settings: Settings) -> dict[str, Topic]:
    found: dict[str, Topic] = {}
    for name, future in client.describe_topics(TopicCollection(names), request_timeout=_ANSWER_S).items():
        try:
            described = future.result()
        except KafkaException as error:
            if error.args[0].name() == _UNKNOWN:
                continue
            raise _unreachable(settings, error) from error
        if described.partitions:
            found[name] = Topic(name, str(described.topic_id), len(described.partitions))
    return found


def _unreachable(settings: Settings, error: Exception) -> Unreachable:
    return Unreachable(
        f"No Kafka broker answers at {settings.broker} ({error}). Start one with `cerebro up`, or set CEREBRO_BROKER."
    )

"""Every client of the broker is made here, so that all of them are equally quiet while it is away.

By itself each librdkafka client writes a line to stderr at every attempt to connect, some twenty a second. Here they
write nothing; what they report goes to one `Trouble` per process, which says it in our words, and seldom.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError
from confluent_kafka.admin import AdminClient

from scv.settings import Settings
from scv.talk import Seldom
from scv.talk import say as talk
from streams.kafka import security

CONNECT_S = 1.0
LET_GO_S = 8.0
_CRITICAL = 2
"""Of syslog's levels: an error that librdkafka logs, it reports as well."""

_WORDS = {
    KafkaError._ALL_BROKERS_DOWN: "it cannot be reached",
    KafkaError._TRANSPORT: "it cannot be reached",
    KafkaError._RESOLVE: "its name is not known here",
    KafkaError._TIMED_OUT: "it does not answer in time",
    KafkaError._AUTHENTICATION: "it refuses who we are",
    KafkaError._SSL: "no encrypted connection comes about",
}


class Trouble:
    """Says, seldom, that the broker is in trouble. Share one among the clients of a process."""

    def __init__(self, say: Callable[[str], None] = talk) -> None:
        self._say = Seldom(say)

    def __call__(self, broker: str, what: str) -> None:
        self._say(f"The broker {broker} is in trouble ({what}); trying on.")


_ours = Trouble()


def words(error: KafkaError) -> str:
    """What an error says of the broker, without the client's own text.

    >>> words(KafkaError(KafkaError._TRANSPORT))
    'it cannot be reached'
    """
    return _WORDS.get(error.code(), error.name())


def consumer(settings: Settings, config: dict[str, Any], trouble: Trouble | None = None) -> confluent_kafka.Consumer:
    """A consumer of the settings' broker; `config` comes on top of what all clients share."""
    return confluent_kafka.Consumer(_shared(settings) | {"error_cb": _report(settings, trouble)} | config)


def producer(
    settings: Settings,
    config: dict[str, Any],
    trouble: Trouble | None = None,
    failed: Callable[[KafkaError], None] = lambda _: None,
) -> confluent_kafka.Producer:
    """A producer for the settings' broker; `failed` hears of every error, too."""
    report = _report(settings, trouble)

    def both(error: KafkaError) -> None:
        failed(error)
        report(error)

    return confluent_kafka.Producer(_shared(settings) | {"error_cb": both} | config)


def admin(settings: Settings, config: dict[str, Any] | None = None) -> AdminClient:
    """An admin client of the settings' broker; each of its calls raises what it runs into, and it says nothing."""
    return AdminClient(_shared(settings) | (config or {}))


def answers(settings: Settings) -> bool:
    """Does anybody take connections at the broker's address? A client of one that is not there waits out its time."""
    for address in settings.broker.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
        except (OSError, ValueError):
            continue
        return True
    return False


def let_go(work: Callable[[], None], say: Callable[[str], None] = talk) -> None:
    """Do what ends clients, for a few seconds at most: librdkafka may wait for itself for ever.

    What does not end by then is left behind, and said; it ends with the process. Raises what `work` raises.
    """
    raised: list[BaseException] = []

    def done() -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=done, name="let go", daemon=True)
    thread.start()
    thread.join(LET_GO_S)
    if thread.is_alive():
        say(f"A client of the broker has not ended within {LET_GO_S:.0f} s; it is left behind. Nothing is lost.")
    if raised:
        raise raised[0]


def _shared(settings: Settings) -> dict[str, Any]:
    common = {"bootstrap.servers": settings.broker, "reconnect.backoff.max.ms": 1000, "log_level": _CRITICAL}
    return common | security.properties(settings)


def _report(settings: Settings, trouble: Trouble | None) -> Callable[[KafkaError], None]:
    heard = trouble or _ours
    return lambda error: heard(settings.broker, words(error))

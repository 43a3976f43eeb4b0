"""Our only producer: what it says was sent was acknowledged, and every key lies where Java's clients would put it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from confluent_kafka import KafkaError, KafkaException, Message

from scv.errors import CerebroError, Unreachable
from scv.settings import Settings
from streams.kafka import librdkafka
from streams.kafka.topics import MAX_DEAD_LETTER_BYTES

_ENVELOPE_BYTES = 65_536
Heard = Callable[[KafkaError | None, Message], None]
"""Told what became of a record, and where it lies."""


class Producer:
    """Idempotent, `acks=all`, partitioned by `murmur2(key)`; one per process is enough.

    As a context manager it flushes at the end of a good block and drops what is queued after a bad one.
    """

    def __init__(
        self,
        settings: Settings,
        client_id: str = "cerebro",
        linger_ms: int = 5,
        trouble: librdkafka.Trouble | None = None,
    ) -> None:
        self.acknowledged = 0
        self._broker = settings.broker
        self._error: KafkaError | None = None
        self._client = librdkafka.producer(
            settings,
            {
                "client.id": client_id,
                "partitioner": "murmur2_random",  # librdkafka's default puts 3 of 4 keys elsewhere than Java and Faust
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": linger_ms,
                "message.max.bytes": MAX_DEAD_LETTER_BYTES + _ENVELOPE_BYTES,
                "queue.buffering.max.messages": 200_000,
                "queue.buffering.max.kbytes": 131_072,
                "on_delivery": self._delivered,
            },
            trouble,
            self._failed,
        )

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        partition: int = -1,
        headers: Sequence[tuple[str, bytes | None]] = (),
        *,
        heard: Heard | None = None,
    ) -> None:
        """Queue one record, to the partition that its key says (-1) or this one; waits while the queue is full.

        `heard` is told what became of it, in a call of `poll` or `flush`.

        Raises CerebroError for a record that the client refuses, or once an earlier one was not acknowledged.
        """
        if self._error is not None:
            self._raise()
        told = {} if heard is None else {"on_delivery": functools.partial(self._passed_on, heard)}
        while True:
            try:
                self._client.produce(topic, value, key, partition, headers=list(headers), **told)
                return
            except BufferError:
                self._client.poll(0.05)
            except KafkaException as error:
                size = len(value or b"")
                raise CerebroError(f"A record of {size} bytes cannot be sent to {topic}: {error}") from error

    def poll(self, timeout_s: float = 0.0) -> None:
        """Count acknowledgements; call it now and then between sends."""
        self._client.poll(timeout_s)

    def flush(self, timeout_s: float = 120.0) -> int:
        """Wait until everything is acknowledged; the number acknowledged so far.

        Raises Unreachable when records are still queued after `timeout_s` or one was given up.
        """
        deadline = time.monotonic() + timeout_s
        while self._error is None and (left := self._client.flush(0.5)):
            if time.monotonic() > deadline:
                raise Unreachable(f"{left} records were not acknowledged by {self._broker} within {timeout_s:.0f} s.")
        if self._error is not None:
            self._raise()
        return self.acknowledged

    def abandon(self) -> None:
        """Drop what is queued and not yet acknowledged."""
        self._client.purge()
        self._client.flush(2.0)

    def __enter__(self) -> Producer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.flush()
        else:
            self.abandon()

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        # Its offset is not asked for: of a record sent twice, which counts once, the broker does not say it.
        if error is None:
            self.acknowledged += 1
        elif self._error is None:
            self._error = error

    def _passed_on(self, heard: Heard, error: KafkaError | None, message: Message) -> None:
        self._delivered(error, message)
        heard(error, message)

    def _failed(self, error: KafkaError) -> None:
        if error.fatal() and self._error is None:
            self._error = error

    def _raise(self) -> None:
        advice = "What was acknowledged is safe; send the rest again."
        raise Unreachable(f"{self._broker} did not take a record: {self._error}. {advice}")

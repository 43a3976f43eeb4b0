"""The questions that tell whether a broker or a store is ready."""

from __future__ import annotations

import socket

from local.services.process import LOOPBACK

TIMEOUT_S = 1.0
BUSY_S = 3.0
"""On a busy machine a new client takes as long to its first answer."""


def store_answers(port: int) -> bool:
    """Whether a Redis or Valkey at this loopback port answers PING."""
    with socket.create_connection((LOOPBACK, port), TIMEOUT_S) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")


def broker_answers(port: int) -> bool:
    """Whether a Kafka broker at this loopback port lists at least one live broker."""
    from confluent_kafka import KafkaException

    from scv.settings import Settings
    from streams.kafka import librdkafka

    # First a plain connection: librdkafka retries a refused one only after its back-off, and complains on stderr.
    socket.create_connection((LOOPBACK, port), TIMEOUT_S).close()
    try:
        return bool(librdkafka.admin(Settings(broker=f"{LOOPBACK}:{port}")).list_topics(timeout=BUSY_S).brokers)
    except KafkaException:
        return False

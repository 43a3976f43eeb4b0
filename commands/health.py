"""Say whether a part is alive: exit 0 or 1."""

from __future__ import annotations

from collections.abc import Callable

import click

from scv import settings
from scv.errors import CerebroError
from scv.settings import Settings

ANSWER_S = 3.0
BEATS = ("online", "lake", "reactor")


@click.command()
@click.argument("part", type=click.Choice([*BEATS, "scorer", "store", "broker"]))
def command(part: str) -> int:
    """Say whether PART is alive, for a container's health check; never waits longer than a few seconds.

    online, lake and reactor are alive when they renewed their heartbeat in the store within 15 seconds.

    \b
    Example:
      cerebro health online && echo fine
    """
    found = settings.load()
    checks: dict[str, Callable[[Settings], str]] = {"scorer": _scorer, "store": _store, "broker": _broker}
    try:
        said = checks[part](found) if part in checks else _beat(found, part)
    except CerebroError as error:
        click.echo(f"{part}: {error}", err=True)
        return 1
    click.echo(f"{part}: {said}")
    return 0


def _beat(found: Settings, name: str) -> str:
    from streams import heartbeat
    from streams.connection import UNWELL, client, shown

    with client(found) as store:
        try:
            beat = heartbeat.read(store, name)
        except UNWELL as error:
            raise CerebroError(f"no heartbeat can be read: {shown(found)} does not answer ({error})") from error
    if beat is None:
        raise CerebroError(f"no heartbeat within {heartbeat.TTL_S} s. Is it running?")
    return "alive" + (f", {beat['taken']:,} records taken" if "taken" in beat else "")


def _store(found: Settings) -> str:
    from streams.connection import UNWELL, client, shown

    with client(found) as store:
        try:
            store.ping()
        except UNWELL as error:
            raise CerebroError(f"{shown(found)} does not answer ({error})") from error
    return "alive"


def _broker(found: Settings) -> str:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    try:
        listed = AdminClient({"bootstrap.servers": found.broker, "log_level": 0}).list_topics(timeout=ANSWER_S)
    except KafkaException as error:
        raise CerebroError(f"{found.broker} does not answer ({error})") from error
    return f"alive, {len(listed.topics)} topics"


def _scorer(found: Settings) -> str:
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(found.scorer) as channel:
        try:
            reply = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=ANSWER_S)
        except grpc.RpcError as error:
            raise CerebroError(f"{found.scorer} does not answer ({error.code().name})") from error
    if reply.status != health_pb2.HealthCheckResponse.SERVING:
        raise CerebroError(f"{found.scorer} is {health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)}")
    return "serving"

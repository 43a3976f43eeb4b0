"""Say whether a part is alive: exit 0 or 1."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import click

from scv import settings
from scv.errors import CerebroError, Unreachable
from scv.settings import Settings

ANSWER_S = 3.0
START = {"online": "cerebro consume online", "lake": "cerebro consume lake", "reactor": "cerebro react"}
"""What gives a sign of life in the store, and how it is started."""


@click.command()
@click.argument("part", type=click.Choice([*START, "scorer", "store", "broker"]))
@click.option("--json", "as_json", is_flag=True, help="As JSON, with all that online, lake or reactor count.")
def command(part: str, as_json: bool) -> int:
    """Say whether PART is alive, for a container's health check; never waits longer than a few seconds.

    online, lake and reactor are alive when they renewed their heartbeat in the store within 15 seconds. What became of
    events is counted by online: admitted, or refused as repeated, changed (a taken id with other content) or too late;
    `cerebro refused` lists them, from the lake.

    \b
    Example:
      cerebro health online && echo fine
    """
    found = settings.load()
    checks: Mapping[str, Callable[[Settings], str]] = {"scorer": _scorer, "store": _store, "broker": _broker}
    try:
        said, facts = (checks[part](found), {}) if part in checks else _beat(found, part)
    except CerebroError as error:
        click.echo(f"{part}: {_why(error, found, part)}", err=True)
        return 1
    click.echo(json.dumps({"part": part, "said": said} | facts) if as_json else f"{part}: {said}")
    return 0


def _why(error: CerebroError, found: Settings, part: str) -> str:
    """The error; but where nobody said an address and nothing was started, the default's silence is no news."""
    variable = settings.PREFIX + {"scorer": "SCORER", "broker": "BROKER"}.get(part, "STORE")
    told = variable in os.environ or settings.services_file(found.home_path).exists()
    if told or not isinstance(error, Unreachable):
        return str(error)
    return f"nothing runs in {found.home_path}. Start it with `cerebro up`, or set {variable}."


def _beat(found: Settings, name: str) -> tuple[str, dict[str, Any]]:
    """The sign of life of a long-running process, in words and as it is."""
    from scv.online.rowstore import RowStore
    from store import heartbeat
    from store.client import UNWELL, ails, client, shown
    from streams.kafka.log import parts

    with client(found) as connected:
        store = RowStore(connected)
        try:
            beat = heartbeat.read(connected, name)
            if beat is None:
                heartbeat.try_out(connected)
                raise CerebroError(f"no heartbeat within {heartbeat.TTL_S} s. Start it with `{START[name]}`.")
            # What no consumer can read any more is in no row and no table.
            lost = sum(one.lost for one in store.positions(parts(store.logs()))) if name in ("online", "lake") else 0
        except UNWELL as error:
            raise Unreachable(f"not known: the store {shown(found)} {ails(error)}.") from error
    gone = f"; {lost:,} offsets had left the broker before anybody read them" if lost else ""
    return "alive" + _reading(beat) + gone, beat


def _reading(beat: Mapping[str, Any]) -> str:
    """What a process has read, and how far a consumer is: where it stands, not what it means to do."""
    from streams.counters import JUDGED

    taken = f", {beat['taken']:,} records taken" if "taken" in beat else ""
    dead = beat.get("dead", {})
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in dead.items())
    letters = f" ({sum(dead.values()):,} of them dead letters: {reasons})" if dead else ""
    where = f", at the end of {beat['at_end']} of its {beat['partitions']} partitions" if "at_end" in beat else ""
    judged = [f"{name.replace('_', ' ')} {beat[name]:,}" for name in JUDGED if beat.get(name)]
    return taken + letters + (f"; of events {', '.join(judged)}" if judged else "") + where


def _store(found: Settings) -> str:
    from store.client import UNWELL, ails, client, shown

    with client(found) as store:
        try:
            store.ping()
        except UNWELL as error:
            raise Unreachable(f"{shown(found)} {ails(error)}.") from error
    return "alive"


def _broker(found: Settings) -> str:
    from confluent_kafka import KafkaException

    from streams.kafka import librdkafka

    try:
        listed = librdkafka.admin(found).list_topics(timeout=ANSWER_S)
    except KafkaException as error:
        raise Unreachable(f"{found.broker} does not answer ({error.args[0].name()}).") from error
    return f"alive, {len(listed.topics)} topics"


def _scorer(found: Settings) -> str:
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(found.scorer) as channel:
        try:
            reply = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=ANSWER_S)
        except grpc.RpcError as error:
            raise Unreachable(f"{found.scorer} does not answer ({error.code().name}).") from error
    if reply.status != health_pb2.HealthCheckResponse.SERVING:
        raise CerebroError(f"{found.scorer} is {health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)}")
    return "serving"

"""Say whether a part is alive: exit 0 or 1."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scv import settings
from scv.errors import BadSetting, CerebroError, Unreachable
from scv.settings import Settings

if TYPE_CHECKING:
    from http.client import HTTPConnection

    from store.heartbeat import Beat

ANSWER_S = 3.0
START = {"online": "cerebro consume online", "lake": "cerebro consume lake", "reactor": "cerebro react"}
"""What gives a sign of life in the store, and how it is started."""


@click.command()
@click.argument("part", type=click.Choice([*START, "scorer", "console", "store", "broker"]))
@click.option("--here", is_flag=True, help="Only members on this machine: what a container's health check asks.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with all that each member says.")
def command(part: str, here: bool, as_json: bool) -> int:
    """Say whether PART works, for a container's health check; never waits longer than a few seconds.

    Each member of online, lake and reactor has a heartbeat in the store, and is alive when it renewed that within 15
    seconds. It works when it moves: who has neither moved for 30 seconds nor stood at the end of what there is to read
    does not. The scorer works when it serves, from rows that are not stale. What became of events is counted by
    online: admitted, or refused as repeated, changed (a taken id with other content) or too late; `cerebro refused`
    lists them, from the lake.

    \b
    Example:
      cerebro health online && echo fine
    """
    found = settings.load()
    checks: Mapping[str, Callable[[Settings], str]] = {
        "scorer": _scorer,
        "console": _console,
        "store": _store,
        "broker": _broker,
    }
    beats: Sequence[Beat] = ()
    try:
        if part in checks:
            said, wrong = checks[part](found), False
        else:
            beats, lost = _members(found, part, here)
            said, wrong = _said(beats) + lost, any(map(_wrong, beats))
    except CerebroError as error:
        said, wrong = _why(error, found, part), True
    if as_json:
        import msgspec

        facts = {"members": msgspec.to_builtins(beats)} if beats else {}
        click.echo(json.dumps({"part": part, "works": not wrong, "said": said} | facts))
    else:
        click.echo(f"{part}: {said}", err=wrong)
    return int(wrong)


def _why(error: CerebroError, found: Settings, part: str) -> str:
    """The error; but where nobody said an address and nothing was started, the default's silence is no news."""
    place = part if part in ("scorer", "console", "broker") else "store"
    if settings.told(found, place) or not isinstance(error, Unreachable):
        return str(error)
    start = "cerebro console" if part == "console" else "cerebro up"
    return f"nothing runs in {found.home_path}. Start it with `{start}`, or set {settings.PREFIX}{place.upper()}."


def _members(found: Settings, group: str, here: bool) -> tuple[Sequence[Beat], str]:
    """The signs of life of a group's members, and what no consumer can read any more: in no row and no table."""
    import socket

    from scv.online.rowstore import RowStore
    from store import heartbeat
    from store.client import UNWELL, ails, client, shown
    from streams.kafka.log import parts

    host = socket.gethostname()
    with client(found) as connected:
        store = RowStore(connected)
        try:
            beats = [beat for beat in heartbeat.members(connected, group) if beat.host == host or not here]
            if not beats:
                heartbeat.try_out(connected)
                where = f" on {host}" if here else ""
                raise CerebroError(f"no heartbeat{where} within {heartbeat.TTL_S} s. Start it with `{START[group]}`.")
            lost = sum(one.lost for one in store.positions(parts(store.logs()))) if group in ("online", "lake") else 0
        except UNWELL as error:
            raise Unreachable(f"not known: the store {shown(found)} {ails(error)}.") from error
    return beats, f"; {lost:,} offsets had left the broker before anybody read them" if lost else ""


def _said(beats: Sequence[Beat]) -> str:
    """What the members of a group say: one in a line, several in a line each."""
    said = [(_wrong(beat) or "alive") + _reading(beat) for beat in beats]
    if len(beats) == 1:
        return said[0]
    lines = [f"{beat.member}: {line}" for beat, line in zip(beats, said, strict=True)]
    return "\n  ".join([f"{len(beats)} members", *lines])


def _wrong(beat: Beat) -> str:
    """Why a member that gives a sign of life does not work, or ''."""
    from store.heartbeat import STILL_S

    if beat.ails or beat.still_s < STILL_S:
        return beat.ails
    unknown = "" if beat.group == "reactor" or beat.lag is not None else "; the broker does not say where its logs end"
    return f"stands still for {beat.still_s:,.0f} s{unknown}"


def _reading(beat: Beat) -> str:
    """What a process has read, and how far a consumer is: where it stands, not what it means to do."""
    from streams.counters import JUDGED

    counts = beat.counts
    taken = f", {counts['taken']:,} records taken" if "taken" in counts else ""
    dead = counts.get("dead", {})
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in dead.items())
    letters = f" ({sum(dead.values()):,} of them dead letters: {reasons})" if dead else ""
    where = f", at the end of {beat.at_end} of its {beat.partitions} partitions" if "taken" in counts else ""
    behind = f", {beat.behind:,} offsets behind" if beat.behind else ""
    waiting = f", {counts['waiting']:,} customers wait" if counts.get("waiting") else ""
    judged = [f"{name.replace('_', ' ')} {counts[name]:,}" for name in JUDGED if counts.get(name)]
    return taken + letters + (f"; of events {', '.join(judged)}" if judged else "") + where + behind + waiting


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


def _console(found: Settings) -> str:
    import http.client

    connection, headers = _to_console(found)
    try:
        connection.request("GET", "/api/v1/health", headers=headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"{found.console} does not answer ({type(error).__name__}).") from error
    finally:
        connection.close()
    if status in (401, 403):
        raise CerebroError(f"{found.console} answers {status}: CEREBRO_CALLER_KEYS names the folder of what it knows.")
    if status != 200:
        raise CerebroError(f"{found.console} answers {status}.")
    return "alive"


def _to_console(found: Settings) -> tuple[HTTPConnection, dict[str, str]]:
    """How it is asked: by TLS where it has keys, with what our caller's folder holds. Raises BadSetting."""
    import ssl
    from http.client import HTTPConnection, HTTPSConnection

    host, _, port = found.console.rpartition(":")
    host = {"0.0.0.0": "localhost", "[::]": "localhost"}.get(host, host.strip("[]"))
    if not found.console_keys:
        return HTTPConnection(host, int(port), timeout=ANSWER_S), {"Host": "localhost"}
    keys = Path(found.caller_keys).expanduser()
    try:
        shown, token = ssl.create_default_context(cafile=str(keys / "ca.crt")), keys / "token"
        if (keys / "tls.crt").exists():
            shown.load_cert_chain(keys / "tls.crt", keys / "tls.key")
        said = {"Authorization": f"Bearer {token.read_text('utf-8').strip()}"} if token.exists() else {}
    except OSError as error:
        raise BadSetting(
            f"{keys} holds nothing to ask a closed console with ({type(error).__name__}). Set CEREBRO_CALLER_KEYS."
        ) from error
    return HTTPSConnection(host, int(port), timeout=ANSWER_S, context=shown), said


def _scorer(found: Settings) -> str:
    """It serves, and the rows that it answers from follow the wall clock where their country does."""
    _serving(found)
    if stale := _stale(found):
        listed = ", ".join(f"{code} {age_s:,.0f} s" for code, age_s in stale.items())
        raise CerebroError(f"serving, from stale rows (of {listed} ago). `cerebro health online` asks who keeps them.")
    return "serving"


def _stale(found: Settings) -> dict[str, float]:
    """Country → age of its rows, where answers say STALE. A replay's clock stands with its rows: they never are."""
    from scv.events import country as countries
    from scv.events.clock import wall_us
    from scv.online.rowstore import RowStore
    from store.client import UNWELL, client
    from streams.positions.position import applied_to

    ages: dict[str, float] = {}
    try:
        with client(found) as connected:
            store = RowStore(connected)
            for code, clock in store.clocks(list(countries.known(found.countries_path))).items():
                known = list(applied_to(store, code).values()) if clock.mode == "wall" else []
                if known:
                    ages[code] = wall_us() / 1e6 - min(known).timestamp()
    except UNWELL:
        return {}  # the scorer sees a store, or it would not serve
    return {code: age_s for code, age_s in ages.items() if age_s > found.stale_after_s}


def _serving(found: Settings) -> None:
    """Raise unless the server says SERVING."""
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    from rpc.channel import channel

    with channel(found.scorer, found.caller_keys) as asked:
        try:
            reply = health_pb2_grpc.HealthStub(asked).Check(health_pb2.HealthCheckRequest(), timeout=ANSWER_S)
        except grpc.RpcError as error:
            raise Unreachable(f"{found.scorer} does not answer ({error.code().name}).") from error
    if reply.status != health_pb2.HealthCheckResponse.SERVING:
        raise CerebroError(f"{found.scorer} is {health_pb2.HealthCheckResponse.ServingStatus.Name(reply.status)}")

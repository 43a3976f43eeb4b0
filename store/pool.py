"""The connections of one client: to a store by its address, or to whichever Redis Sentinel says is the primary now; and
what the URL of a cluster says.

redis://:PASSWORD@HOST:6379/0        rediss://…?ssl_ca_certs=FILE
sentinel://:PASSWORD@HOST:26379,HOST:26379/SERVICE/0?sentinel_password=…&ssl=true
cluster://:PASSWORD@HOST:6379,HOST:6379?ssl=true&ssl_ca_certs=FILE
"""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from redis import ConnectionPool, SSLConnection
from redis.sentinel import Sentinel, SentinelConnectionPool

SENTINEL = "sentinel"
SENTINEL_PORT = 26379
CLUSTER = "cluster"
CLUSTER_PORT = 6379


class InTurn(ConnectionPool):
    """Every round trip takes a connection from it; a pipeline takes one. They are used in turn: each comes to its size
    soon, and none is found dead when many are needed at once."""

    taken = 0

    def release(self, connection: Any) -> None:
        super().release(connection)
        with self._lock:
            if self._available_connections:
                self._available_connections.insert(0, self._available_connections.pop())

    def get_connection(self, *args: Any, **options: Any) -> Any:
        self.taken += 1
        return super().get_connection(*args, **options)


class SentinelInTurn(InTurn, SentinelConnectionPool):
    """The same, to the primary."""


def pool(url: str, **options: Any) -> ConnectionPool:
    """Connections that `options` make, of redis-py's. Raises ValueError for a URL that names no store."""
    if urlsplit(url).scheme != SENTINEL:
        return InTurn.from_url(url, **options)
    return _by_sentinel(url, options)


def is_cluster(url: str) -> bool:
    """Does a URL name a cluster's nodes?"""
    return urlsplit(url).scheme == CLUSTER


def nodes(url: str) -> tuple[list[tuple[str, int]], dict[str, Any]]:
    """Some nodes of a cluster, and what opens a connection to each. Raises ValueError for a URL that names none."""
    parts = urlsplit(url)
    where, secret, said = _who(parts)
    if not where or parts.path.strip("/") not in ("", "0"):
        raise ValueError("cluster://HOST:6379,HOST:6379 names some of the nodes, and no database: a cluster has one")
    if said.pop("ssl", "false").lower() == "true":
        secret["connection_class"] = SSLConnection
    return [_place(one, CLUSTER_PORT) for one in where.split(",")], secret | said


def _by_sentinel(url: str, options: dict[str, Any]) -> ConnectionPool:
    parts = urlsplit(url)
    where, secret, said = _who(parts)
    service, _, database = parts.path.strip("/").partition("/")
    if not service or not where:
        raise ValueError("sentinel://HOST:26379/SERVICE names the machines that watch, and what they watch")
    own = {"password": said.pop("sentinel_password", None)}
    brief = {name: options[name] for name in ("socket_timeout", "socket_connect_timeout") if name in options}
    watchers = Sentinel([_place(one, SENTINEL_PORT) for one in where.split(",")], sentinel_kwargs=own | brief)
    more = {"ssl": said.pop("ssl", "false").lower() == "true"} | said
    return SentinelInTurn(service, watchers, db=int(database or 0), **secret, **more, **options)


def _who(parts: SplitResult) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Of a URL of several hosts: these, user and password, and its query."""
    who, _, where = parts.netloc.rpartition("@")
    user, _, password = (unquote(one) for one in who.partition(":"))
    secret = {name: text for name, text in (("username", user), ("password", password)) if text}
    return where, secret, dict(parse_qsl(parts.query))


def _place(text: str, default: int) -> tuple[str, int]:
    host, sign, port = text.rpartition(":")
    return (host, int(port)) if sign else (text, default)

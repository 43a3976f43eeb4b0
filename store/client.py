"""The store's client: every timeout and retry set on purpose, and a wait for a store that is not up yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import redis
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    OutOfMemoryError,
    ReadOnlyError,
    TimeoutError,
    TryAgainError,
)
from redis.retry import Retry

from scv.errors import BadSetting, StoreUnusable, Unreachable
from scv.settings import Settings, without_password
from scv.talk import say as talk
from store.cluster import EVERYWHERE, TRIES, ShardPipeline, Shards
from store.incarnation import Incarnation, greet
from store.pool import is_cluster, nodes, pool
from store.topology import Topology

UNWELL = (
    ConnectionError,
    TimeoutError,
    BusyLoadingError,
    ReadOnlyError,
    OutOfMemoryError,
    TryAgainError,
    ClusterDownError,
)
"""What a store raises that may be well again later: gone, loading, a replica, full."""

_AILS = {
    OutOfMemoryError: "is full (maxmemory): give it more memory",
    ReadOnlyError: "is a read-only replica: CEREBRO_STORE must name the primary",
    BusyLoadingError: "is still loading what it had saved",
    TryAgainError: "is moving keys between its nodes",
    ClusterDownError: "has slots that no node serves now",
    AuthenticationError: "refuses the password that CEREBRO_STORE gives",
}
ADVICE = "Start one with `cerebro up`, or set CEREBRO_STORE; `cerebro settings` shows what is used."

SAY_EVERY_S = 15.0
_ALONE = ("",)
_PAUSE_S = 0.2


class Patience(NamedTuple):
    """How long a client waits for an answer, and for a connection."""

    answer_s: float = 5.0
    connect_s: float = 2.0


STEADY = Patience()
GLANCE = Patience(answer_s=1.0, connect_s=1.0)
"""Of who looks on: what does not answer now is told so."""


class Client(redis.Redis):
    """A client that knows with what every key of its deployment begins (`scv.online.keys`)."""

    prefix: str
    spread = False
    """Do its keys lie on several nodes?"""

    def shards(self) -> Sequence[str]:
        """The names of what stands or falls by itself: a store alone is one such part, without a name."""
        return _ALONE

    def at(self, key: str) -> redis.Redis:
        """The store, or of a cluster the node, where a key lies."""
        return self

    def infos(self, section: str) -> list[Mapping[str, Any]]:
        """INFO of each shard."""
        return [self.info(section)]

    def drop_idle(self) -> None:
        """Let go of what is not in use: a server that went and came back knows nothing of it."""
        self.connection_pool.disconnect(inuse_connections=False)

    @property
    def round_trips(self) -> int:
        """How often it went to the store."""
        return int(self.connection_pool.taken)

    def open(self, count: int) -> None:
        """Have so many connections at hand: a pool that grows with what happens to come at once grows for hours."""
        opened = [self.connection_pool.get_connection() for _ in range(count)]
        for one in opened:
            self.connection_pool.release(one)

    def exchange(self, commands: bytes, answers: int) -> list[Any]:
        """Send commands that are written in the store's protocol already; their answers as they come, in order.

        An answer that is an error is raised, and so is what a connection raises; then the rest is not read.
        """
        connection = self.connection_pool.get_connection()
        try:
            connection.send_packed_command([commands], check_health=False)
            told = [connection.read_response()]
            at_hand = connection._parser._reader.gets  # redis-py's own way around it is longer than all the parsing
            while len(told) < answers:
                found = at_hand()
                if found is NOT_ENOUGH_DATA:
                    found = connection.read_response()
                elif isinstance(found, Exception):
                    raise found
                told.append(found)
            return told
        except BaseException:
            connection.disconnect()
            raise
        finally:
            self.connection_pool.release(connection)


class Cluster(Client):
    """The same of a cluster. Commands of several keys, but `delete`, take keys of one slot only."""

    spread = True

    def __init__(self, topology: Topology, reads_only: bool) -> None:
        super().__init__(connection_pool=topology.seed)
        self._topology = topology
        self._nodes = Shards(topology, self.parse_response, reads_only)
        self.shares, self.exchange_all = self._nodes.shares, self._nodes.exchange_all

    @property
    def round_trips(self) -> int:
        return sum(one.taken for one in self._topology.pools())

    def shards(self) -> Sequence[str]:
        return self._topology.table.names

    def look_again(self, tries: int) -> None:
        """Ask for the slots anew: what was read cannot be of those that are known. Raises StoreUnusable in the end."""
        if tries > TRIES:
            raise StoreUnusable("What the store's nodes say does not fit their rows. Run `cerebro rebuild`.")
        self._topology.renewed(self._topology.table)

    def at(self, key: str) -> redis.Redis:
        return redis.Redis(connection_pool=self._topology.table.of(key.encode()).pool)

    def infos(self, section: str) -> list[Mapping[str, Any]]:
        return self._nodes.everywhere((("INFO", section), {}))

    def drop_idle(self) -> None:
        for one in self._topology.pools():
            one.disconnect(inuse_connections=False)

    def open(self, count: int) -> None:
        for shard in self._topology.table.shards:
            opened = [shard.pool.get_connection() for _ in range(count)]
            for one in opened:
                shard.pool.release(one)

    def delete(self, *names: Any) -> int:
        pipe = self.pipeline(transaction=False)
        for name in names:
            pipe.delete(name)
        return sum(pipe.execute())

    def ping(self, **options: Any) -> Any:
        self._topology.freshen()
        return super().ping(**options)

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if args[0] in EVERYWHERE:
            return self._nodes.everywhere((args, options))[0]
        (answer,) = self._nodes.run([(args, options)], ())
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pipeline(self, transaction: bool = True, shard_hint: None = None) -> ShardPipeline:
        return ShardPipeline(self, self._nodes, transaction)

    def scan_iter(self, match: Any = None, count: int | None = None, *args: Any, **options: Any) -> Iterator[Any]:
        for shard in self._topology.table.shards:
            yield from redis.Redis(connection_pool=shard.pool).scan_iter(match, count, *args, **options)

    def close(self) -> None:
        self._topology.close()


def client(settings: Settings, patience: Patience | None = None, reads_only: bool = False) -> Any:
    """A client that has not connected yet; bytes replies. A command that fails is never sent twice by itself.

    The first command after a restart of the store fails like one on a broken connection, for what was written may be
    gone; not so for who `reads_only`.
    """
    chosen = patience or STEADY
    options = {
        "socket_timeout": chosen.answer_s,
        "socket_connect_timeout": chosen.connect_s,
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": False,
    }
    try:
        if is_cluster(settings.store):
            places, secret = nodes(settings.store)
            made: Client = Cluster(Topology(places, options | {"redis_connect_func": greet} | secret), reads_only)
        else:
            greeting = None if reads_only else Incarnation()
            made = Client.from_pool(pool(settings.store, redis_connect_func=greeting, **options))
    except ValueError as error:
        raise BadSetting(f"CEREBRO_STORE cannot be used: {error}") from error
    made.prefix = settings.key_prefix
    return made


def connect(settings: Settings, say: Callable[[str], None] = talk, alive: Callable[[], None] = lambda: None) -> Any:
    """A client of a store that answers; close it, or use it in a `with`.

    Says every few seconds that it waits; raises Unreachable after `settings.wait_s` seconds. `alive` is called between
    tries and may raise.
    """
    found = client(settings)
    deadline, said = time.monotonic() + settings.wait_s, -SAY_EVERY_S
    while True:
        try:
            found.ping()
            return found
        except UNWELL as error:
            now = time.monotonic()
            if now >= deadline:
                found.close()
                raise unreachable(settings, error) from error
            if now - said >= SAY_EVERY_S:
                say(f"Waiting up to {settings.wait_s} s for the store {shown(settings)} …")
                said = now
        try:
            alive()
        except BaseException:
            found.close()
            raise
        time.sleep(_PAUSE_S)


@contextmanager
def reachable(settings: Settings) -> Iterator[None]:
    """Turns what a store raises that is not well into Unreachable."""
    try:
        yield
    except UNWELL as error:
        raise unreachable(settings, error) from error


def unreachable(settings: Settings, error: Exception) -> Unreachable:
    """What to raise for it: where the store is, what ails it and what to do."""
    advice = "" if type(error) in _AILS else f" {ADVICE}"
    return Unreachable(f"The store {shown(settings)} {ails(error)}.{advice}")


def ails(error: Exception) -> str:
    """What is wrong with a store, as the rest of a sentence.

    Never the client's own text: that shows the command that failed, and with it a customer's key.

    >>> ails(OutOfMemoryError("Command # 1 (HSET cerebro:row:{US:7} …) of pipeline caused error: not allowed …"))
    'is full (maxmemory): give it more memory'
    """
    return _AILS.get(type(error), "does not answer")


def shown(settings: Settings) -> str:
    """The store's address without its password."""
    return without_password(settings.store)

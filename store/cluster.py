"""A client of a Redis or Valkey Cluster: every command goes to the node that serves its key, each node once a call.

    cluster://:PASSWORD@HOST:6379,HOST:6379?ssl=true&ssl_ca_certs=FILE

Nothing is sent twice by itself, but what was only read. Where a shard is served by another process than a thread's
last command met, that thread's next one fails once: what it wrote may be gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from redis import Redis
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.client import Pipeline
from redis.exceptions import (
    AskError,
    ClusterDownError,
    ConnectionError,
    MovedError,
    NoScriptError,
    RedisError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)

from store.incarnation import Served
from store.topology import Shard, Topology

EVERYWHERE = {"PING", "SCRIPT LOAD", "FLUSHDB", "CONFIG SET"}
"""Commands without a key, for every node; their answers are alike."""
TRIES = 5
"""How often slots are looked up again for one call."""

Command = tuple[tuple[Any, ...], Mapping[str, Any]]


class Shards:
    """The way to the nodes: connections, scripts, and what is to be made of their refusals."""

    def __init__(self, topology: Topology, parse: Callable[..., Any], reads_only: bool) -> None:
        self.topology, self._parse = topology, parse
        self._served = None if reads_only else Served()
        self._loaded = set[tuple[bytes, str]]()

    def run(self, commands: Sequence[Command], scripts: Iterable[Any]) -> list[Any]:
        """Answers in order; an error that a command got is one of them."""
        for _ in range(TRIES):
            table = self.topology.table
            answers = self._send(commands, [table.of(key_of(*one)) for one in commands], scripts)
            if not any(isinstance(one, MovedError) for one in answers):
                return answers
            self.topology.renewed(table)
            if self._served:
                raise ConnectionError("slots have moved: what was written to them may be gone")
        raise ClusterDownError("slots move on and on")

    def transact(self, pipe: Pipeline, raise_on_error: bool) -> list[Any]:
        """A transaction, whose keys all lie in one slot."""
        commands, table = pipe.command_stack, self.topology.table
        shard = table.of(key_of(*commands[0]))
        try:
            with self.links([shard]) as links:
                self._load(links[shard], pipe.scripts)
                return list(pipe._execute_transaction(links[shard], commands, raise_on_error))
        except NoScriptError as error:
            raise self._judged(error, True) from error
        except (MovedError, AskError) as error:
            self.topology.renewed(table)
            raise ConnectionError("slots have moved: what was written to them may be gone") from error

    def everywhere(self, command: Command) -> list[Any]:
        """Each shard's answer; raises the first that is an error."""
        shards = self.topology.table.shards
        answers = self._send([command] * len(shards), shards, ())
        for one in answers:
            if isinstance(one, ResponseError):
                raise one
        return answers

    def shares(self, keys: Mapping[int, bytes]) -> dict[str, list[int]]:
        """By shard the places of the keys that lie in it."""
        table, found = self.topology.table, dict[str, list[int]]()
        for place, key in keys.items():
            found.setdefault(table.of(key).name, []).append(place)
        return found

    def exchange_all(self, asked: Mapping[str, Sequence[bytes]]) -> dict[str, list[Any] | None]:
        """Each shard's answers, in order, to commands that are written in the store's protocol already; None where its
        slots have moved.

        All are asked before the first is heard. What is on its way to another node is asked for there; any other answer
        that is an error is raised, and so is what a connection raises.
        """
        known = self.topology.table.by_name
        sent = {known[name]: commands for name, commands in asked.items() if name in known}
        with self.links(sent) as links:
            for shard, commands in sent.items():
                links[shard].send_packed_command([b"".join(commands)], check_health=False)
            told = {shard: _read(links[shard], len(commands)) for shard, commands in sent.items()}
        answers: dict[str, list[Any] | None] = dict.fromkeys(asked)
        for shard, found in told.items():
            if not any(isinstance(one, MovedError) for one in found):
                answers[shard.name] = self._settled(sent[shard], found)
        return answers

    @contextmanager
    def links(self, shards: Iterable[Shard]) -> Iterator[dict[Shard, Any]]:
        """A connection to each shard's node. Whatever is raised meanwhile leaves none of them in use."""
        links: dict[Shard, Any] = {}
        try:
            for shard in shards:
                links[shard] = shard.pool.get_connection()
            if self._served:
                self._served.check({shard.name: link.incarnation for shard, link in links.items()})
            yield links
        except BaseException as error:
            for link in links.values():
                link.disconnect()
            if isinstance(error, RedisError):
                self.topology.doubt()
            raise
        finally:
            for shard, link in links.items():
                shard.pool.release(link)

    def _send(self, commands: Sequence[Command], shards: Sequence[Shard], scripts: Iterable[Any]) -> list[Any]:
        shares: dict[Shard, list[int]] = {}
        for place, shard in enumerate(shards):
            shares.setdefault(shard, []).append(place)
        answers: list[Any] = [None] * len(commands)
        with self.links(shares) as links:
            for shard, places in shares.items():
                self._load(links[shard], scripts)
                links[shard].send_packed_command(links[shard].pack_commands([commands[one][0] for one in places]))
            for shard, places in shares.items():
                for place in places:
                    args, options = commands[place]
                    try:
                        answers[place] = self._parse(links[shard], args[0], **options)
                    except ResponseError as error:
                        answers[place] = self._judged(error, bool(scripts))
        return answers

    def _judged(self, error: ResponseError, scripted: bool) -> Exception:
        """What a refusal means to who sent the command."""
        if isinstance(error, ClusterDownError):
            self.topology.doubt()
        if isinstance(error, AskError):
            return TryAgainError("slots are moving")
        if scripted and isinstance(error, NoScriptError):
            self._loaded.clear()
            return TryAgainError("the store has dropped its scripts")
        return error

    def _load(self, link: Any, scripts: Iterable[Any]) -> None:
        """Let a node know these scripts; whoever restarted knows none."""
        for script in scripts:
            if (link.incarnation, script.sha) not in self._loaded:
                link.send_command("SCRIPT LOAD", script.script)
                link.read_response()
                self._loaded.add((link.incarnation, script.sha))

    def _settled(self, commands: Sequence[bytes], answers: list[Any]) -> list[Any]:
        """Answers without errors: what is on its way to another node is asked for there, any other is raised."""
        for place, answer in enumerate(answers):
            if isinstance(answer, AskError):
                answer = answers[place] = self._asking(answer, commands[place])
            if isinstance(answer, Exception):
                self.topology.doubt()
                raise answer
        return answers

    def _asking(self, error: AskError, command: bytes) -> Any:
        pool = self.topology.pool_at(error.host, error.port)
        with self.links([shard := Shard(f"{error.host}:{error.port}", pool)]) as links:
            links[shard].send_packed_command([b"*1\r\n$6\r\nASKING\r\n" + command], check_health=False)
            return _read(links[shard], 2)[1]


class ShardPipeline(Pipeline):
    """A pipeline over all shards; a transaction in one of them."""

    def __init__(self, client: Redis, shards: Shards, transaction: bool) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, transaction, None)
        self._shards = shards

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        commands = self.command_stack
        try:
            if not commands:
                return []
            if self.transaction:
                return self._shards.transact(self, raise_on_error)
            answers = self._shards.run(commands, self.scripts)
            if raise_on_error:
                self.raise_first_error(commands, answers)
            return answers
        finally:
            self.reset()

    def immediate_execute_command(self, *args: Any, **options: Any) -> Any:
        raise RedisError("keys of a cluster are watched at their node: client.at(key)")


def key_of(args: Sequence[Any], options: Mapping[str, Any]) -> bytes:
    """The first key of a command.

    >>> key_of(("HGET", "a", "b"), {}), key_of(("EVALSHA", "0ff", 1, "a", "b"), {})
    (b'a', b'a')
    """
    key = args[3 if args[0] == "EVALSHA" else 1]
    return key if isinstance(key, bytes) else str(key).encode()


def _read(link: Any, answers: int) -> list[Any]:
    """Answers as they come; an error that a command got is one of them."""
    at_hand, told = link._parser._reader.gets, list[Any]()
    while len(told) < answers:
        found = at_hand() if told else NOT_ENOUGH_DATA
        if found is NOT_ENOUGH_DATA:
            try:
                found = link.read_response()
            except ResponseError as error:
                found = error
        if isinstance(found, (ConnectionError, TimeoutError)):
            raise found
        told.append(found)
    return told

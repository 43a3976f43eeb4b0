"""Which node of a cluster serves which keys, and what a cluster's shards are called.

A shard is the set of slots that one primary serves. Its name is that set, behind a tag that hashes into it: a key that
begins with the name lies beside the shard's rows, also after a replica took over. Other slots are another shard.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from redis.cluster import ClusterNode, NodesManager
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import ClusterDownError, ConnectionError, RedisClusterException, RedisError

from scv.errors import BadSetting
from store.pool import InTurn

_AGAIN_S = 0.1
"""How often the nodes are asked for their slots, at most, while one of them does not answer."""
_OLD_S = 10.0
"""So old a table is asked for again without a reason: slots may have moved beside those that are read."""
_LONGEST = 40


class Shard(NamedTuple):
    """A set of slots and the connections to who serves them."""

    name: str
    pool: InTurn


class SlotTable:
    """The cluster's slots as it told them once. Raises ClusterDownError where a slot is nobody's."""

    def __init__(self, served: Mapping[int, Sequence[ClusterNode]]) -> None:
        nodes: dict[str, ClusterNode] = {}
        owned: dict[str, list[int]] = {}
        for slot in range(REDIS_CLUSTER_HASH_SLOTS):
            if not served.get(slot):
                raise ClusterDownError(f"slot {slot} of the cluster is served by no node")
            node = served[slot][0]
            nodes[node.name] = node
            owned.setdefault(node.name, []).append(slot)
        made = {name: Shard(name_of(slots), _pool(nodes[name])) for name, slots in owned.items()}
        self.shards = tuple(made.values())
        self.by_name = {shard.name: shard for shard in self.shards}
        self.names = tuple(self.by_name)
        self._of_slot = [made[served[slot][0].name] for slot in range(REDIS_CLUSTER_HASH_SLOTS)]

    def of(self, key: bytes) -> Shard:
        """The shard of a key."""
        return self._of_slot[key_slot(key)]


class Topology:
    """The newest table; asked for when somebody wants it first, and again when an answer contradicted it.

    Raises what a node raised that was asked, if none answers. Safe to share between threads.
    """

    def __init__(self, places: Sequence[tuple[str, int]], options: Mapping[str, Any]) -> None:
        self._places, self._options = places, dict(options)
        self.seed = InTurn(host=places[0][0], port=places[0][1], **options)
        self._nodes: NodesManager | None = None
        self._table: SlotTable | None = None
        self._lock = threading.Lock()
        self._doubted, self._asked = False, 0.0

    @property
    def table(self) -> SlotTable:
        """The table that counts now."""
        table = self._table
        if table is None:
            return self.renewed(None)
        due = time.monotonic() - self._asked >= (_AGAIN_S if self._doubted else _OLD_S)
        if due and self._lock.acquire(blocking=False):  # one asks, the others go by what is known meanwhile
            try:
                table = self._renew()
            finally:
                self._lock.release()
        return table

    def freshen(self) -> None:
        """Ask before somebody has to who does not look on, but reads."""
        if time.monotonic() - self._asked >= _OLD_S / 2:
            self.renewed(self._table)

    def doubt(self) -> None:
        """A node did not answer: perhaps another one serves its slots now."""
        self._doubted = True

    def renewed(self, known: SlotTable | None) -> SlotTable:
        """Another table than this one: asked for, unless another thread did meanwhile."""
        with self._lock:
            return self._renew() if self._table is known else self._table or self._renew()

    def pool_at(self, host: str, port: int) -> InTurn:
        """The connections to the node at an address that the cluster named."""
        known = self._nodes.get_node(host, port) if self._nodes else None
        return _pool(known) if known else InTurn(host=host, port=port, **self._options)

    def pools(self) -> list[InTurn]:
        """The connections to every node that was met."""
        nodes = list(self._nodes.nodes_cache.values()) if self._nodes else []
        return [_pool(node) for node in nodes if node.redis_connection]

    def close(self) -> None:
        for pool in self.pools():
            pool.disconnect()

    def _renew(self) -> SlotTable:
        self._asked, self._doubted = time.monotonic(), True
        self._table = SlotTable(self._ask().slots_cache)
        self._doubted = False
        return self._table

    def _ask(self) -> NodesManager:
        try:
            if self._nodes is None:
                nodes = [ClusterNode(*place) for place in self._places]
                options = self._options | {"connection_pool_class": InTurn}
                self._nodes = NodesManager(nodes, from_url=True, require_full_coverage=False, **options)
            else:
                # Whoever was asked last may be the one that is silent now: another one goes first.
                self._nodes.move_node_to_end_of_cached_nodes(next(iter(self._nodes.startup_nodes)))
                self._nodes.initialize(list(self._places), disconnect_startup_nodes_pools=False)
        except RedisClusterException as error:
            raise _cause(error) from error
        return self._nodes


def name_of(slots: Sequence[int]) -> str:
    """What a shard of these slots, in order, is called.

    >>> name_of(range(0, 5461)), name_of(range(5461, 16384))
    ('{3560}0-5460', '{18403}5461-16383')
    """
    spans = [
        [slot for _, slot in run] for _, run in itertools.groupby(enumerate(slots), lambda pair: pair[1] - pair[0])
    ]
    said = ".".join(f"{span[0]}-{span[-1]}" for span in spans)
    if len(said) > _LONGEST:
        said = hashlib.sha256(said.encode()).hexdigest()[:16]
    return f"{{{_tag(slots[0])}}}{said}"


@functools.lru_cache(1024)
def _tag(slot: int) -> int:
    """The least number whose text hashes to a slot."""
    return next(number for number in itertools.count() if key_slot(b"%d" % number) == slot)


def _pool(node: ClusterNode) -> Any:
    return node.redis_connection.connection_pool


def _cause(error: RedisClusterException) -> Exception:
    """What the node raised that was asked last."""
    cause = error.__cause__
    if isinstance(cause, RedisClusterException):
        said = "does not tell its slots: is it a cluster, and may this user ask for them (CLUSTER SLOTS)?"
        return BadSetting(f"The store that CEREBRO_STORE names {said}")
    return cause if isinstance(cause, RedisError) else ConnectionError(str(error))

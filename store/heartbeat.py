"""Signs of life in the store: `heartbeat:GROUP:MEMBER`, one per process, which vanishes when nobody renews it.

`heartbeat:GROUP` lists who has beaten in the last hour, so that nobody has to search a store of millions of keys.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from redis import RedisError

from scv.events.calendar import from_us
from scv.events.clock import wall_us
from scv.online.keys import Keys

TTL_S = 15
EVERY_S = 1.0
STILL_S = 30.0
"""Who has not moved for so long, and does not stand at the end of what there is, does not work."""
LISTED_S = 3600


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """What the newest beat of a member said.

    A member reads some `partitions` and stands at the end of `at_end` of them; `lag` is by topic how many offsets
    behind, None where the broker did not say its ends. For `still_s` it has neither moved nor stood at every end.
    `ails` says in words what is wrong although it moves, or nothing. What a process does not know keeps its default.
    """

    group: str
    member: str
    host: str
    pid: int
    started_at: datetime
    counts: dict[str, Any] = {}
    partitions: int = 0
    at_end: int = 0
    lag: dict[str, int] | None = None
    still_s: float = 0.0
    ails: str = ""

    @property
    def behind(self) -> int | None:
        """Offsets behind over all its topics; None: not known."""
        return None if self.lag is None else sum(self.lag.values())


class Heartbeat:
    """Beats for one member of a group: a process, or a thread that consumes.

    A store that is away is no reason to fail: then nobody sees the beat.
    """

    def __init__(self, client: Any, group: str) -> None:
        self._client, self._due, self._kept = client, 0.0, False
        host, pid = socket.gethostname(), os.getpid()
        member = f"{host}-{pid}-{secrets.token_hex(2)}"
        self._first = Beat(group=group, member=member, host=host, pid=pid, started_at=from_us(wall_us()))

    def beat(self, counts: Mapping[str, Any] | None = None, **stand: Any) -> None:
        """Renew the sign (at most once a second), with what it counts and where it stands (`Beat`'s fields)."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + EVERY_S
        beat, now_s = msgspec.structs.replace(self._first, counts=dict(counts or {}), **stand), wall_us() // 1_000_000
        listed = _listed(self._client, beat.group)
        pipe = self._client.pipeline(transaction=False)
        pipe.set(_key(self._client, beat.group, beat.member), msgspec.json.encode(beat), ex=TTL_S)
        pipe.zadd(listed, {beat.member: now_s})
        pipe.zremrangebyscore(listed, 0, now_s - LISTED_S)
        pipe.expire(listed, LISTED_S)
        try:
            pipe.execute()
            self._kept = True
        except RedisError:
            self._due += EVERY_S
            self._kept = False

    def others(self) -> list[Beat] | None:
        """The newest beats of the other members; None while the store does not keep ours, and so perhaps not theirs."""
        try:
            beats = members(self._client, self._first.group) if self._kept else None
        except RedisError:
            return None
        return beats and [beat for beat in beats if beat.member != self._first.member]

    def stop(self) -> None:
        """Take the sign away."""
        group, member = self._first.group, self._first.member
        try:
            self._client.delete(_key(self._client, group, member))
            self._client.zrem(_listed(self._client, group), member)
        except RedisError:
            pass


def members(client: Any, group: str) -> list[Beat]:
    """The newest beat of every member of a group that has beaten in the last quarter of a minute, by member.

    Groups: online, lake, reactor, scorer. Raises what the client raises.
    """
    pipe = client.pipeline(transaction=False)
    for member in client.zrange(_listed(client, group), 0, -1):
        pipe.get(_key(client, group, member.decode()))
    beats = [msgspec.json.decode(said, type=Beat) for said in pipe.execute() if said is not None]
    return sorted(beats, key=lambda beat: beat.member)


def try_out(client: Any) -> None:
    """Write a sign of nobody, for a second: where a store is full, raises what a beat runs into."""
    client.set(_key(client, "nobody", "nobody"), b"", ex=1)


def _key(client: Any, group: str, member: str) -> str:
    return Keys(client.prefix).of("heartbeat", group, member)


def _listed(client: Any, group: str) -> str:
    return Keys(client.prefix).of("heartbeat", group)

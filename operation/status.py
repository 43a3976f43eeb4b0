"""How Cerebro stands, as one value: what runs, how far it is, what was refused, what is made and what is due.

Whatever cannot be asked (no store, no broker, a damaged lake) is named in `unknown` with the reason, and the rest is
told all the same.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from redis import RedisError

from operation import standing
from operation.standing import CountryStatus
from scv import machine
from scv.events import calendar, clock
from scv.events import country as countries
from scv.events.event import FAMILIES
from scv.offline.lake import Lake
from scv.online.rowstore import RowStore
from scv.settings import Settings
from store import heartbeat
from store.client import Patience, ails, client, shown
from store.heartbeat import Beat
from streams.counters import JUDGED

GROUPS = ("online", "lake", "scorer", "reactor")
SHORT = Patience(answer_s=2.0, connect_s=1.0)
KEPT = ("lake", "snapshots", "bundles", "exports", "vectors", "reports")
"""The folders of a home that grow."""
Answer = TypeVar("Answer")


class FamilyTable(msgspec.Struct, frozen=True, kw_only=True):
    """One family's table of the lake as its newest version has it."""

    family: str
    version: int
    files: int
    bytes: int


class RefusedRecords(msgspec.Struct, frozen=True, kw_only=True):
    """Dead letters of one family and reason: those that wait, those sent again, when the oldest waiting one was kept
    (None: none waits), and what was wrong with the last one.
    """

    family: str
    reason: str
    waiting: int
    sent: int
    oldest: datetime | None
    words: str


class HomeDisk(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes: what a home's folders hold, and what is left on its disk."""

    folders: dict[str, int]
    free: int


class SystemStatus(msgspec.Struct, frozen=True, kw_only=True):
    """All of it at an instant of the wall clock.

    `runs` is False where neither store nor broker answers. `members` are those with a sign of life, by group; `behind`
    the offsets that rows (`online`) and tables (`lake`) lack of the log. `counts` are what became of events since the
    online consumers that run were started. `unknown`: what could not be asked → why.
    """

    at: datetime
    home: str
    store: str
    broker: str
    runs: bool
    members: dict[str, tuple[Beat, ...]]
    behind: dict[str, int]
    counts: dict[str, int]
    refused: tuple[RefusedRecords, ...]
    lake: tuple[FamilyTable, ...]
    countries: tuple[CountryStatus, ...]
    disk: HomeDisk
    unknown: dict[str, str]


class StatusReader:
    """Reads how it stands, as often as asked: what it read of dead letters is not read again. Any thread may."""

    def __init__(self, config: Settings) -> None:
        self._settings, self._lock = config, threading.Lock()
        self._letters: Any = None
        self._unknown: dict[str, str] = {}

    def read(self) -> SystemStatus:
        """How it stands now; never waits longer than a few seconds for what does not answer."""
        with self._lock:
            self._unknown = {}
            with client(self._settings, SHORT, reads_only=True) as connected:
                stored = self._ask("store", lambda: bool(connected.ping()), otherwise=False)
                heard = self._ask("broker", lambda: _heard(self._settings), otherwise=False)
                return self._read(connected, RowStore(connected) if stored else None, heard)

    def _read(self, connected: Any, store: RowStore | None, heard: bool) -> SystemStatus:
        config, members, behind = self._settings, dict[str, tuple[Beat, ...]](), dict[str, int]()
        letters, tables = tuple[RefusedRecords, ...](), tuple[FamilyTable, ...]()
        if store:
            members = self._ask("members", lambda: _members(connected), members)
        if heard and store:
            behind = self._ask("lag", lambda: _behind(config, store), behind)
        return SystemStatus(
            at=calendar.from_us(clock.wall_us()),
            home=str(config.home_path),
            store=shown(config),
            broker=config.broker,
            runs=heard or store is not None,
            members=members,
            behind=behind,
            counts=_counts(members),
            refused=self._ask("dead letters", self._refused, letters) if heard else letters,
            lake=self._ask("lake", lambda: _tables(config), tables),
            countries=self._countries(store),
            disk=_disk(config),
            unknown=self._unknown,
        )

    def _ask(self, what: str, ask: Callable[[], Answer], otherwise: Answer) -> Answer:
        """An answer; or `otherwise`, with the reason kept."""
        try:
            return ask()
        except Exception as error:
            why = _why(error)
            if why is None:
                raise
            self._unknown[what] = why
            return otherwise

    def _refused(self) -> tuple[RefusedRecords, ...]:
        from streams.dead_letters import DeadLetters

        if self._letters is None:
            self._letters = DeadLetters(self._settings)
        self._letters.read_on()
        return tuple(msgspec.convert(pile._asdict(), RefusedRecords) for pile in self._letters.piles())

    def _countries(self, store: RowStore | None) -> tuple[CountryStatus, ...]:
        """Every country of which there is anything."""
        asked = {code: partial(self._country, code, store) for code in countries.states(self._settings.countries_path)}
        found = [self._ask(code, ask, otherwise=None) for code, ask in asked.items()]
        return tuple(one for one in found if one)

    def _country(self, code: str, store: RowStore | None) -> CountryStatus | None:
        return standing.of(self._settings, countries.load(code, self._settings.countries_path), store)


def _why(error: Exception) -> str | None:
    """What is wrong in our words; None for a bug of ours."""
    from confluent_kafka import KafkaException

    if isinstance(error, RedisError):
        return f"the store {ails(error)}"
    if isinstance(error, KafkaException):
        from streams.kafka.librdkafka import words

        return f"the broker: {words(error.args[0])}"
    ours = machine.translate(error)
    return None if ours is None else str(ours)


def _members(connected: Any) -> dict[str, tuple[Beat, ...]]:
    return {group: tuple(heartbeat.members(connected, group)) for group in GROUPS}


def _counts(members: dict[str, tuple[Beat, ...]]) -> dict[str, int]:
    total = Counter[str]()
    for beat in members.get("online", ()):
        total.update({name: beat.counts.get(name, 0) for name in ("taken", *JUDGED)})
        total["dead"] += sum(beat.counts.get("dead", {}).values())
    return dict(total)


def _heard(config: Settings) -> bool:
    """Does the broker answer?"""
    from streams.kafka import librdkafka

    return bool(librdkafka.admin(config).list_topics(timeout=SHORT.answer_s).brokers)


def _behind(config: Settings, store: RowStore) -> dict[str, int]:
    """How many offsets rows and tables have to go to where the logs end now."""
    from streams.kafka.log import Broker, parts
    from streams.positions.position import positions

    logs = store.logs()
    broker = Broker(config)
    try:
        ends = broker.ends(parts(logs)) if logs else {}
    finally:
        broker.close()
    return positions(store, Lake(config.lake_path), logs).behind(ends)


def _tables(config: Settings) -> tuple[FamilyTable, ...]:
    lake, found = Lake(config.lake_path), list[FamilyTable]()
    for family in FAMILIES:
        table = lake.table(family)
        if table is not None:
            sizes = table.get_add_actions(flatten=True)["size_bytes"].to_pylist()
            found.append(FamilyTable(family=family, version=table.version(), files=len(sizes), bytes=sum(sizes)))
    return tuple(found)


def _disk(config: Settings) -> HomeDisk:
    home = config.home_path
    there = next(path for path in (home, *home.parents) if path.exists())
    held = {name: _bytes(home / name) for name in KEPT if (home / name).is_dir()}
    return HomeDisk(folders=held, free=shutil.disk_usage(there).free)


def _bytes(folder: Path) -> int:
    """What a folder holds; what vanishes meanwhile holds nothing."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(path, name)).st_size
            except FileNotFoundError:
                continue
    return total

"""The world that every bench measures in: a broker, a store and the demo's households, gone when it is left."""

from __future__ import annotations

import shutil
import tempfile
import threading
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import click
import duckdb

from feature_repo.feast_store import apply
from local import completejourney
from local.services import Services
from scv.events import calendar, country
from scv.offline.fetch import fetch
from scv.settings import Settings
from streams.lake.consumer import LakeConsumer
from streams.online.consumer import OnlineConsumer
from streams.replay.history import History, write_parquet
from streams.replay.sender import replay

if TYPE_CHECKING:
    from feast import FeatureStore

CACHE = Path("build/bench")
"""Where the demo's events are kept between runs."""
ROWS, STREAM, PEER_ROWS, PEER_STREAM = range(4)
"""Databases of the one store: ours for reads and for streams, and the peers' for the same."""
US = country.load("US")


@dataclass(frozen=True)
class Size:
    """Counts of one run; `households` are the first so many, None: all of them."""

    households: int | None
    singles: int
    """Reads of one customer, by each reader."""
    batches: int
    """Reads of `batch` customers, by each reader."""
    batch: int
    streams: int
    """Times that each stream is run."""
    sets: int
    """Times that each point-in-time set is made."""
    pushed: int
    """Events that the agent takes which pushes each of them."""
    pushed_together: int
    """Events that the agent takes which pushes a thousand at once."""
    trials: int
    """Recipes that our search tries."""
    first_tuesday: date
    last_tuesday: date
    subscribers: int
    """Invented, whose training sets are made."""
    weeks: int
    """Of their lives."""


FULL = Size(None, 2000, 100, 100, 3, 2, 1500, 20_000, 15, date(2017, 4, 4), date(2017, 12, 26), 20_000, 60)
QUICK = Size(30, 60, 5, 20, 1, 1, 100, 400, 2, date(2017, 10, 3), date(2017, 10, 17), 150, 40)


def say(text: str) -> None:
    """Progress, on stderr."""
    click.echo(text, err=True)


class World:
    """Services inside the `with`; rows, snapshots and files are made when first asked for."""

    def __init__(self, size: Size, broker: str = "tansu", store: str = "valkey") -> None:
        self.size = size
        self.home = Path(tempfile.mkdtemp(prefix="cerebro-bench-"))
        self._services = Services(broker, store, self.home)

    def __enter__(self) -> World:
        try:
            self._services.__enter__()
        except BaseException:
            shutil.rmtree(self.home, ignore_errors=True)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._services.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def broker(self) -> str:
        """The broker's name, to stand beside every number that it had a part in."""
        return self._services.broker.name

    @property
    def store(self) -> str:
        """The store's name."""
        return self._services.store.name

    def address(self, database: int) -> str:
        """One of the store's databases as Feast's own store wants it."""
        return f"127.0.0.1:{self._services.store.port},db={database}"

    def settings(self, name: str = "rows", database: int = ROWS) -> Settings:
        """Settings with a home, topics and a database of their own."""
        return Settings(
            home=str(self.home / name),
            broker=self._services.broker_address,
            store=self._services.store_url.rpartition("/")[0] + f"/{database}",
            topic_prefix=name,
            session_ms=6000 if self.broker == "Kafka" else 1000,
        )

    # -- data ------------------------------------------------------------------------------------------------
    @cached_property
    def events(self) -> Path:
        """Events of the demo's households, all families."""
        if self.size.households is None:
            return completejourney.events_file(Settings(home=str(CACHE)))
        path = self.home / "events.parquet"
        chosen = range(1, self.size.households + 1)
        write_parquet(completejourney.events(completejourney.load(), households=chosen), path)
        return path

    @cached_property
    def orders(self) -> Path:
        """Events of the orders family alone: one topic, so that a stream and its peer read the very same one."""
        path = self.home / "orders.parquet"
        kinds = "('placed', 'voucher_redeemed')"
        duckdb.sql(f"COPY (FROM '{self.events}' WHERE kind IN {kinds}) TO '{path}'")
        return path

    @cached_property
    def customers(self) -> list[str]:
        query = f"SELECT DISTINCT customer_id FROM '{self.events}' WHERE kind = 'placed' ORDER BY 1"
        return [row[0] for row in duckdb.sql(query).fetchall()]

    @cached_property
    def tuesdays(self) -> list[datetime]:
        days = calendar.tuesdays(self.size.first_tuesday, self.size.last_tuesday)
        return [calendar.midnight(day, US.zone) for day in days]

    # -- what is made of them --------------------------------------------------------------------------------
    def replay(self, path: Path, settings: Settings, until: datetime | None = None) -> None:
        """Send a file's events, and a last watermark (`until`, or after the newest event), to the broker."""
        say(f"Replaying {path.name} through {self.broker} …")
        with History(path, None, False, settings.memory, settings.threads) as history:
            replay(history, settings, until=until)

    @cached_property
    def log(self) -> Settings:
        """Where the whole log is: sent once."""
        settings = self.settings()
        self.replay(self.events, settings)
        return settings

    @cached_property
    def rows(self) -> Settings:
        """Where every customer's rows stand at the end of the log."""
        say("Folding rows …")
        OnlineConsumer(self.log, say).run(threading.Event(), until_idle=True)
        return self.log

    @cached_property
    def snapshots(self) -> Settings:
        """Where the snapshots of every Tuesday are."""
        say("Filling the lake …")
        LakeConsumer(self.log, say).run(threading.Event(), until_idle=True)
        say(f"Taking {len(self.tuesdays)} snapshots …")
        failed = [one.error for one in fetch(self.log, {US: self.tuesdays}) if one.error]
        assert not failed, failed
        return self.log

    @cached_property
    def feast(self) -> FeatureStore:
        """Feast with our configuration."""
        return apply(self.log)

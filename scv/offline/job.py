"""A piece of a fetch, what became of it, and who hears of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from scv.events.country import Country
from scv.features.fetcher import Fetcher
from scv.offline.draft import Drafted
from scv.offline.lake import Lake
from scv.offline.lake_version import LakeVersion
from scv.offline.snapshot import SnapshotManifest


@dataclass(frozen=True)
class Job:
    """Fetchers over one family of a country, at all of its references.

    `drafted`, by country and fetcher: what lies in the draft already. `complete_to`: how far the family's log is.
    """

    country: Country
    family: str
    fetchers: tuple[type[Fetcher], ...]
    references: tuple[datetime, ...]
    lake: Lake
    version: LakeVersion
    drafted: Mapping[tuple[str, str], Mapping[datetime, Drafted]] = field(default_factory=dict)
    complete_to: Mapping[str, datetime] = field(default_factory=dict)

    def there(self, name: str) -> dict[datetime, Drafted]:
        """A fetcher's tables that need not be folded."""
        made = self.drafted.get((self.country.code, name), {})
        return {at: made[at] for at in self.references if at in made}

    def missing(self, name: str) -> tuple[datetime, ...]:
        """The references at which a fetcher is still to be folded."""
        there = self.there(name)
        return tuple(at for at in self.references if at not in there)


@dataclass(frozen=True)
class Done:
    """What became of one of a job's fetchers: rows per reference, or the error's text.

    `made` is what `fetch` wrote, `tables` what `look` found; `kept` the references at which the table was there.
    """

    job: Job
    fetcher: str
    rows: Mapping[datetime, int] = field(default_factory=dict)
    made: Mapping[datetime, Drafted] = field(default_factory=dict)
    tables: Mapping[datetime, pa.Table] = field(default_factory=dict)
    kept: frozenset[datetime] = frozenset()
    error: str = ""
    seconds: float = 0.0

    @property
    def files(self) -> dict[datetime, str]:
        """The hashes of what was written, by reference."""
        return {at: one.stamp.files[self.fetcher] for at, one in self.made.items()}


@dataclass(frozen=True)
class Listener:
    """Hears how a fetch goes on: `at` of fetchers done, of all; `kept` of the snapshots of a country that stand;
    `begun` and `ended`, from any thread, of each fetcher.
    """

    at: Callable[[int, int], None] = lambda done, total: None
    kept: Callable[[Country, Mapping[datetime, SnapshotManifest]], None] = lambda country, stand: None
    begun: Callable[[Job, str], None] = lambda job, name: None
    ended: Callable[[Done], None] = lambda done: None

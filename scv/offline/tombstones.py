"""Who was erased so long ago that the erasure itself may go: keyed hashes, which name nobody.

    LAKE/tombstones.json        country → hash → the erasure's instant, since when it is known here, and whether it went

An erasure holds the id, so that no old event brings the customer back. Once the log keeps none of those events any more
the erasure goes too, from lake and store; an old event that somebody sends after that is known by its customer's hash.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from scv import atomic, machine, stamp
from scv.events.arrival import Arrival
from scv.events.calendar import DAY_US
from scv.stamp import Sealed, Written

FILE = "tombstones.json"


class Tombstone(msgspec.Struct, frozen=True, kw_only=True):
    """`us`: when they were erased; `since_us`: when tidying first met that; `gone`: the erasure itself has gone."""

    us: int
    since_us: int
    gone: bool = False


class TombstoneFile(Sealed, frozen=True, kw_only=True):
    """`key` in hex: without it a hash says nothing, with it only whether a known id is among them."""

    key: str
    countries: dict[str, dict[str, Tombstone]]


class Tombstones:
    """Of one lake, as it was at the last `look`."""

    def __init__(self, lake_path: Path) -> None:
        self._path = lake_path / FILE
        self._changed = 0
        self._said: TombstoneFile | None = None
        self.look()

    def look(self) -> None:
        """Read the file again if it changed. Raises Damaged: without it, who was to be forgotten might come back."""
        try:
            changed = self._path.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if changed != self._changed:
            self._changed, self._said = changed, self._opened()

    def covers(self, arrival: Arrival) -> bool:
        """Is it of before an erasure that has gone itself?"""
        said = self._said
        if said is None or arrival.kind == "erased" or arrival.country not in said.countries:
            return False
        known = said.countries[arrival.country].get(_hash(said.key, arrival.country, arrival.customer_id))
        return known is not None and known.gone and arrival.occurred_us < known.us

    def due(self, country: str, erasures: Mapping[str, int], days: int, now_us: int) -> dict[str, int]:
        """Those of a country's erasures (customer → us) that were met so many days ago."""
        said = self._said
        known = said.countries.get(country, {}) if said else {}
        found = {}
        for customer, us in erasures.items():
            one = known.get(_hash(said.key, country, customer)) if said else None
            if one is not None and one.us == us and one.since_us + days * DAY_US <= now_us:
                found[customer] = us
        return found

    def meet(self, country: str, erasures: Mapping[str, int], now_us: int) -> None:
        """Remember since when these are known; those that are known already stay as they are."""
        self._note(country, erasures, now_us, gone=False)

    def let_go(self, country: str, erasures: Mapping[str, int], now_us: int) -> None:
        """From now on old events of these customers are known by their hash alone."""
        self._note(country, erasures, now_us, gone=True)

    def _note(self, country: str, erasures: Mapping[str, int], now_us: int, gone: bool) -> None:
        if not erasures:
            return
        with atomic.alone(self._path.parent):
            said = self._opened() or TombstoneFile(key=secrets.token_hex(32), countries={})
            mine = dict(said.countries.get(country, {}))
            for customer, us in erasures.items():
                name = _hash(said.key, country, customer)
                known = mine.get(name)
                if known is None or known.us < us or (gone and not known.gone):
                    since = known.since_us if known and known.us == us else now_us
                    mine[name] = Tombstone(us=us, since_us=since, gone=gone)
            countries = {**said.countries, country: dict(sorted(mine.items()))}
            atomic.write(self._path, stamp.sealed(msgspec.structs.replace(said, countries=countries)))
        self.look()

    def _opened(self) -> TombstoneFile | None:
        try:
            return stamp.opened(self._path.read_bytes(), TombstoneFile)
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise machine.damaged(self._path, f"{error}") from error


def written(lake_path: Path) -> Iterator[Written]:
    """The file, where there is one."""
    try:
        stamp.opened((lake_path / FILE).read_bytes(), TombstoneFile)
        why = ""
    except FileNotFoundError:
        return
    except ValueError as error:
        why = f"{error}"
    mends = "Bring it back from a copy: without it old events of erased customers count again"
    yield stamp.judged("tombstones", "", str(lake_path / FILE), why, mends)


def _hash(key: str, country: str, customer_id: str) -> str:
    return hmac.new(bytes.fromhex(key), f"{country}\x1f{customer_id}".encode(), hashlib.sha256).hexdigest()

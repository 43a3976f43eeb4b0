"""Country files as a running consumer goes by them: read again when they change.

A file that cannot be used changes nothing and is told of once. A new country is only found here: consumers take it in
an order (`streams.positions.since`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from scv import stamp
from scv.errors import BadSetting
from scv.events import country as countries
from scv.events.country import Country

EVERY_S = 1.0
ANEW = "To go by it, stop both consumers and start them again (`cerebro down`, `cerebro up`)"


class Edit(NamedTuple):
    """An edit that is to be followed, and from when on (monotonic seconds)."""

    at: float
    country: Country


class CountryFiles:
    """`known` is what counts now; one dictionary for ever, so that who holds it sees it change.

    `lag_s`: edits are followed so long after they are seen. At the start a file that cannot be used raises BadSetting.
    """

    def __init__(
        self,
        folder: Path,
        say: Callable[[str], None],
        lag_s: float = 0.0,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self._say, self._lag_s, self._now = folder, say, lag_s, now
        self._states = countries.states(folder)
        self.known = countries.known(folder)
        self.fresh: dict[str, Country] = {}
        """Countries that a new file tells of, until they are adopted."""
        self._due: dict[str, Edit] = {}
        self._looked = now()

    def look(self, at_once: bool = False) -> bool:
        """Read what changed, at most once a second; is there a country to adopt?"""
        now = self._now()
        if at_once or now - self._looked >= EVERY_S:
            self._looked = now
            before, self._states = self._states, countries.states(self._folder)
            for code in sorted(before.keys() | self._states.keys()):
                if before.get(code) != self._states.get(code):
                    self._read(code)
        for code in [code for code, due in self._due.items() if due.at <= now]:
            self.known[code] = self._due.pop(code).country
        return bool(self.fresh)

    def adopt(self, codes: Sequence[str]) -> None:
        """Take these fresh countries as known."""
        for code in codes:
            self.known[code] = self.fresh.pop(code)

    def _read(self, code: str) -> None:
        """A file came, changed or went."""
        state = self._states.get(code)
        if state is None:
            self.fresh.pop(code, None)
            if code in self.known:
                self._say(f"The file of country {code} is gone. Its events count on as before. {ANEW}.")
            return
        try:
            country = countries.read(state.path)
        except (BadSetting, OSError) as error:
            kept = "goes by what it said before" if code in self.known else "knows no such country"
            self._say(f"{error}. This consumer {kept} until the file is mended.")
            return
        if code not in self.known:
            self.fresh[code] = country
        else:
            self._edit(state.path, self.known[code], country)

    def _edit(self, path: Path, old: Country, new: Country) -> None:
        """Follow an edit of a known country, unless rows or the lake would then hold what counts by two rules."""
        rows = _differ(stamp.of_country(old, stamp.ROWS), stamp.of_country(new, stamp.ROWS))
        if rows:
            self._say(
                f"{path} is not followed: {rows}, and rows are kept by that. {ANEW}: all rows are then built anew."
            )
        elif new.starts_on > old.starts_on or new.ends_on < old.ends_on:
            self._say(f"{path} is not followed: its span is narrower, and what it leaves out may have counted. {ANEW}.")
        else:
            self._due[new.code] = Edit(self._now() + self._lag_s, new)
            if said := _differ(_span(old), _span(new)):
                self._say(f"{path} is followed: {said}.")


def _span(country: Country) -> dict[str, str]:
    return {"starts_on": f"{country.starts_on}", "ends_on": f"{country.ends_on}"}


def _differ(old: Mapping[str, object], new: Mapping[str, object]) -> str:
    said = (f"{name} was {old[name]} and is {value}" for name, value in new.items() if old[name] != value)
    return "; ".join(said)

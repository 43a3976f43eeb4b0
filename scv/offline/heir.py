"""What a fetch takes over of the drafts that interrupted ones left: tables that it would write again byte by byte."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from scv import stamp
from scv.events.calendar import to_us
from scv.events.country import Country
from scv.features import fetcher
from scv.offline.draft import Drafted, note, notes
from scv.offline.kept import erasures, holds
from scv.offline.lake import Lake
from scv.offline.lake_version import LakeVersion
from scv.offline.snapshot import made_of
from scv.stamp import NEVER, Stamp


def table_stamp(country: Country, name: str, version: LakeVersion) -> Stamp:
    """What a fetcher's table is of that is made now, but for how far the log was complete and its file."""
    whole, family = made_of(country, version), fetcher.get(name).family
    log, lake = ({family: part[family]} if family in part else {} for part in (whole.log, whole.lake))
    return msgspec.structs.replace(whole, definitions={name: whole.definitions[name]}, log=log, lake=lake)


class Heir:
    """Moves what stands of a left draft into a new one; `taken` by country and fetcher, then reference."""

    def __init__(self, lake: Lake, wanted: Mapping[Country, Collection[datetime]], version: LakeVersion) -> None:
        self._lake, self._version = lake, version
        self._wanted = {country.code: (country, ats) for country, ats in wanted.items()}
        self._erasures = functools.cache(functools.partial(erasures, lake, version))
        self.taken: dict[tuple[str, str], dict[datetime, Drafted]] = defaultdict(dict)

    def __call__(self, left: Path, folder: Path) -> None:
        for one in notes(left):
            country, ats = self._wanted.get(one.country, (None, ()))
            mine = self.taken[one.country, one.fetcher]
            if country and one.at in ats and one.at not in mine and self._stands(country, one, left / one.path):
                (folder / one.path).parent.mkdir(parents=True, exist_ok=True)
                (left / one.path).replace(folder / one.path)
                note(folder, one)
                mine[one.at] = one

    def _stands(self, country: Country, one: Drafted, path: Path) -> bool:
        """Is it what this version of the lake would give, and what was written?"""
        known = fetcher.collect()
        if one.fetcher not in known or not path.is_file():
            return False
        family, wanted = known[one.fetcher].family, table_stamp(country, one.fetcher, self._version)
        same = dict(one.stamp.lake) == dict(wanted.lake)
        wanted = msgspec.structs.replace(wanted, lake={}, files={one.fetcher: stamp.sum_of(path)[1]})
        whole = one.stamp.complete_to.get(family, NEVER) >= one.at
        if one.stamp.why_not(wanted) or not (same or whole):
            return False
        try:
            gone = [] if same else [customer for customer, us in self._erasures(family, country) if us >= to_us(one.at)]
            return not (gone and holds(path, gone))
        except Exception:  # what cannot be read is told by the fetcher that reads it
            return False

"""Rows of a history that no consumer will take whole: why, how many of each reason, and where the first ones are."""

from __future__ import annotations

import bisect
import functools
import operator
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from scv.errors import BadEvent, UserError, did_you_mean
from scv.events import arrival, calendar, event
from scv.events.bound import bounds
from scv.events.clock import wall_us
from scv.events.country import Country
from streams.replay import columns as wide

LISTED = 10
"""Of each reason."""
ADVICE = "Mend it, or send bad rows to the dead-letter topic with --keep-bad."
_FIRST_MONTH_US, _IN_2100_US = 31 * calendar.DAY_US, 47_482 * calendar.DAY_US
_ERASED = b'"kind":"erased"'


def _strict(kind: type[event.Event]) -> Any:
    """The same kind, which takes no field but its own; a consumer passes over the others."""
    return msgspec.defstruct(
        kind.__name__, [], bases=(kind,), frozen=True, kw_only=True, tag=event.tag(kind), forbid_unknown_fields=True
    )


_DECODERS = [
    msgspec.json.Decoder(functools.reduce(operator.or_, map(_strict, event.kinds(family)))) for family in wide.FAMILIES
]


class BadReason(NamedTuple):
    """Why a row is bad: a reason that many rows may share, and the sentence about this one."""

    reason: str
    said: str


class BadRows:
    """The bad rows of these files, as they are found."""

    def __init__(self, files: Sequence[Path], countries: Mapping[str, Country]) -> None:
        self._files, self._countries = files, countries
        self._counts: dict[str, int] = {}
        self._first: dict[str, list[tuple[int, int, str]]] = {}

    def judge(self, family: int, key: bytes | None, value: bytes, seen_us: int | None, place: tuple[int, int]) -> None:
        """Keep a record in mind if it is bad; `seen_us` is when it is sent, `place` its file and row (from 0)."""
        found = problem(family, key, value, seen_us, self._countries)
        if found is not None and not (family and _ERASED in value):  # an erasure is one row and a record of each family
            self._keep(found, place)

    def _keep(self, found: BadReason, place: tuple[int, int]) -> None:
        self._counts[found.reason] = self._counts.get(found.reason, 0) + 1
        first = self._first.setdefault(found.reason, [])
        bisect.insort(first, (*place, found.said))
        del first[LISTED:]

    def refuse(self) -> None:
        """Raise UserError if there was any bad row."""
        total = sum(self._counts.values())
        if total == 1:
            ((only,),) = self._first.values()
            line = self._line(only)
            raise UserError(f"{line if line.endswith(('?', '.', '!')) else line + '.'} {ADVICE}")
        if total:
            lines = [f"{total:,} rows are such that no consumer takes them."]
            for reason, count in sorted(self._counts.items(), key=lambda one: -one[1]):
                more = f", the first {LISTED} of them" if count > LISTED else ""
                lines.append(f"{reason}: {count:,} row{'s' if count > 1 else ''}{more}")
                lines += [f"  {self._line(one)}" for one in self._first[reason]]
            raise UserError("\n".join([*lines, ADVICE.replace("it", "them", 1)]))

    def _line(self, one: tuple[int, int, str]) -> str:
        file_no, row_no, said = one
        return f"{self._files[file_no]}, row {row_no + 1}: {said}"


def problem(
    family: int, key: bytes | None, value: bytes, seen_us: int | None, countries: Mapping[str, Country]
) -> BadReason | None:
    """What is wrong with a record that is sent at `seen_us`; None if nothing is."""
    if seen_us is not None and _plainly_good(family, value, countries):
        return None
    found = verdict(family, key, value, countries)
    if found is None and seen_us is None:  # nothing is sent at no time, whatever a consumer makes of it
        found = BadReason("seen_at: unreadable", "seen_at: no instant that can be read")
    return found


def verdict(family: int, key: bytes | None, value: bytes, countries: Mapping[str, Country]) -> BadReason | None:
    """What a consumer will refuse, or pass over, with the value that it is about; None if it takes all of a record."""
    try:
        fields = msgspec.json.decode(value, type=dict[str, Any])
    except ValueError:
        fields = {}
    kind = fields.get("kind")
    if kind == "watermark":
        return BadReason("kind: a watermark is no event", "kind: a watermark is no event")
    try:
        arrival.decode(wide.FAMILIES[family], key, value, countries, arrival.Recorded(wall_us()))
    except BadEvent as error:
        return _explained(error, fields)
    strays = [f"{name}: {kind} has no such field" for name in fields if kind not in wide.TAKES.get(name, [kind])]
    strays += [
        f"{name}: no event has such a field.{did_you_mean(name, wide.SCHEMA.names)}"
        for name in fields
        if name not in wide.SCHEMA.names
    ]
    return BadReason(strays[0], strays[0]) if strays else None


def bounds_us(known: Country) -> tuple[int, int]:
    """Where instants of a country may lie: in its span, and as a record of now may tell."""
    starts, ends = arrival.span_us(known)
    return starts, min(ends, wall_us() + arrival.SKEW_US)


def unit_advice(first_us: int, last_us: int) -> str:
    """A sentence about times all of which lie in the first month of 1970, or after 2100, and '' about others."""
    if first_us >= _IN_2100_US:
        return " Milliseconds that were read as seconds? Read them as milliseconds (unit='ms')."
    if last_us >= _FIRST_MONTH_US:
        return ""
    mended = "`pd.to_datetime(df.occurred_at.astype('int64'), unit='ms', utc=True)`"
    return f" Milliseconds that were read as nanoseconds? In pandas: {mended}."


def _plainly_good(family: int, value: bytes, countries: Mapping[str, Country]) -> bool:
    """A quick yes for nearly every record; `verdict` decides about the others."""
    found: event.Event
    try:
        found = _DECODERS[family].decode(value)
    except ValueError:
        return False
    where = countries.get(found.country)
    if where is None or found.seen_at is None or bounds(type(found)) or len(value) >= 100_000:
        return False
    if found.occurred_at > found.seen_at:
        return False
    # What was seen when it occurred is as old as it was seen, and of that the country's span is asked.
    return found.occurred_at == found.seen_at or arrival.oldest_us(where) <= calendar.to_us(found.occurred_at)


def _explained(error: BadEvent, fields: Mapping[str, Any]) -> BadReason:
    said = str(error)
    name = said.rpartition("$.")[2].rstrip("`")
    if name == "kind":
        near = did_you_mean(str(fields.get("kind")), wide.FAMILY_OF)
        said = f"kind: unknown {fields.get('kind')!r}.{near} `cerebro schemas` lists the kinds"
        return BadReason("kind: unknown", said)
    if name in fields:
        return BadReason(f"{name}: {error.reason}", f"{name}: {said} (it is {fields[name]!r})")
    return BadReason(error.reason, said)

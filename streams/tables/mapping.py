"""A map: which columns of a table are which fields of which events, and how its cells are to be read.

A small TOML file. What a map leaves open and the table does not settle is asked for (`zone`, `dates`, `decimal`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import msgspec

from scv.errors import UserError, did_you_mean, expect
from scv.events import event
from streams.replay.columns import FAMILIES, FAMILY_OF

PRESETS = Path(__file__).parent / "presets"
ASKED = "?"
"""The value of a line that `--guess` wrote and nobody has answered."""
KINDS = {event.tag(kind): kind for family in FAMILIES for kind in event.kinds(family)}
_OWN = ("id", "country", "customer_id", "occurred_at", "seen_at")


class Origin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the value of a field comes from: a `column`, `otherwise` another where that is empty, or one `value`.

    `times`: another column or a number to multiply by. `words`: cell → value, the only ones that are taken. `minor`:
    the money is in cents already. `span`: the seconds between the first and the last row of one id.
    """

    column: str = ""
    otherwise: str = ""
    value: str | int | bool | None = None
    times: str | float = 1
    words: dict[str, str | int | bool] = {}
    minor: bool = False
    span: bool = False


class Status(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column whose word says which events a row is: word → kinds. No other word is taken; [] leaves a row out."""

    column: str
    words: dict[str, tuple[str, ...]]


class Map(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`rows`: each is an event of its own, or a line of one, and lines of one id are summed. `zone`: of times without
    an offset. `dates`: which of two numbers is the day. `currency`: the column that names it. `negative`: the kind of
    rows below zero. `columns`: field → column for all events, `events`: kind → field → column for one. `leave_out`:
    column → words of rows that are none.
    """

    country: str = ""
    rows: Literal["events", "lines"] = "events"
    zone: str = ""
    dates: Literal["", "day first", "month first"] = ""
    decimal: Literal["", ".", ","] = ""
    currency: str = ""
    negative: Literal["", "returned", "refunded", "order_cancelled"] = ""
    encoding: str = ""
    separator: str = ""
    sheet: str = ""
    columns: dict[str, str | Origin] = {}
    events: dict[str, dict[str, str | Origin]] = {}
    status: Status | None = None
    leave_out: dict[str, tuple[str, ...]] = {}

    def fields(self, kind: str) -> dict[str, Origin]:
        """Field → column of one kind."""
        takes = {*_OWN, *event.payload(KINDS[kind])}
        shared = {name: where for name, where in self.columns.items() if name in takes}
        own = self.events.get(kind, {})
        return {name: _column(where) for name, where in (shared | own).items()}

    def kinds(self) -> list[str]:
        """The kinds that a row may become, the first the one that it is when nothing says otherwise."""
        return [*dict.fromkeys([*(self.events or ["placed"]), *([self.negative] if self.negative else [])])]

    def read(self) -> Iterator[Read]:
        """Every column that is read."""
        for kind in self.kinds():
            for field, where in self.fields(kind).items():
                for column in filter(None, (where.column, where.otherwise)):
                    yield Read(column, field, _type(kind, field, where))
                if isinstance(where.times, str):
                    yield Read(where.times, field, "number")
        yield from (Read(name, "leave_out", "word") for name in self.leave_out)
        if self.status:
            yield Read(self.status.column, "status", "word")
        if self.currency:
            yield Read(self.currency, "currency", "word")

    def zone_of_times(self) -> ZoneInfo | None:
        return ZoneInfo(self.zone) if self.zone else None


class Read(NamedTuple):
    """A column, the field that it is read for, and as what: instant, day, number or word."""

    column: str
    field: str
    what: Literal["instant", "day", "number", "word"]


def _column(where: str | Origin) -> Origin:
    return Origin(where) if isinstance(where, str) else where


def _type(kind: str, field: str, where: Origin) -> Literal["instant", "day", "number", "word"]:
    if field in ("occurred_at", "seen_at") or where.span:
        return "instant"
    declared = event.payload(KINDS[kind]).get(field)
    if where.words:
        return "word"
    return "day" if declared == "date" else "number" if declared == "int" else "word"


def preset(name: str) -> Path:
    """The file of a preset. Raises UnknownName."""
    known = [path.stem for path in sorted(PRESETS.glob("*.toml"))]
    expect("preset", [name], known)
    return PRESETS / f"{name}.toml"


def given(lines: Iterable[str]) -> dict[str, str]:
    """Name → value of `--set NAME=VALUE`. Raises UserError."""
    for line in lines:
        if "=" not in line:
            raise UserError(f"--set {line}: write NAME=VALUE, such as --set country=GB.")
    found = dict(line.split("=", 1) for line in lines)
    expect("line of a map", found, [one.name for one in msgspec.structs.fields(Map) if isinstance(one.default, str)])
    return found


def load(path: Path, given: Mapping[str, str]) -> Map:
    """The map in a file, with the lines that are `given` instead of its own. Raises UserError, naming file and line."""
    where = path.stem if path.parent == PRESETS else str(path)
    try:
        lines: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"There is no map {path}. `cerebro import --guess FILE` writes a first one.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"The map {path} is no TOML: {error}") from error
    lines |= given
    if asked := list(_asked(lines)):
        raise UserError(
            f"{where}: {', '.join(asked)} still wants an answer. Write it instead of the {ASKED!r}, or, for a line of "
            "its own, give it with --set NAME=VALUE."
        )
    try:
        found = msgspec.convert(lines, Map)
    except msgspec.ValidationError as error:
        raise UserError(f"{where}: {error}.{_nearest(str(error))}") from error
    _check(found, where)
    return found


def parse(text: str) -> Map:
    """A map that is known to be one."""
    return msgspec.convert(tomllib.loads(text), Map)


def of(given: Mapping[str, str]) -> Map:
    """A map of nothing but lines of its own. Raises UserError."""
    try:
        return msgspec.convert(dict(given), Map)
    except msgspec.ValidationError as error:
        raise UserError(f"--set: {error}.") from error


def _asked(lines: Any, name: str = "") -> Iterator[str]:
    if lines == ASKED:
        yield f"`{name}`"
    for key, value in lines.items() if isinstance(lines, dict) else ():
        yield from _asked(value, f"{name}.{key}" if name else key)


def _nearest(said: str) -> str:
    unknown = re.search(r"unknown field `(\w+)`", said)
    known = [name for struct in (Map, Origin, Status) for name in struct.__struct_fields__]
    return did_you_mean(unknown[1], known) if unknown else ""


def _check(found: Map, where: str) -> None:
    """Raises UserError for kinds, fields and zones that there are not."""
    expect("event kind", found.events, FAMILY_OF, f"It stands in {where}.")
    expect("event kind", [found.negative] if found.negative else [], FAMILY_OF, f"It stands in {where}.")
    for kind, fields in found.events.items():
        expect(f"field of `{kind}`", fields, [*_OWN, *event.payload(KINDS[kind])], f"It stands in {where}.")
    takes = {name for kind in found.kinds() for name in (*_OWN, *event.payload(KINDS[kind]))}
    expect("field", found.columns, sorted(takes), f"It stands under [columns] in {where}.")
    for word, kinds in (found.status.words if found.status else {}).items():
        expect("event kind", kinds, found.kinds(), f"It stands at {word!r} under [status] in {where}.")
    for name in ("customer_id", "occurred_at"):
        for kind in found.kinds():
            if name not in found.fields(kind):
                raise UserError(f'{where}: which column is {name}? Write `{name} = "…"` under [columns].')
            if found.rows == "lines" and "id" not in found.fields(kind):
                raise UserError(
                    f'{where}: lines of what? Write the column of the order\'s id: `id = "…"` under [columns].'
                )
    if not (found.country or all("country" in found.fields(kind) for kind in found.kinds())):
        raise UserError(f'{where}: of which country are these events? Write `country = "GB"`, or --set country=GB.')
    try:
        found.zone_of_times()
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        near = did_you_mean(found.zone, available_timezones())
        raise UserError(f"{where}: unknown zone {found.zone!r}.{near}") from error

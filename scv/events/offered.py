"""An event that somebody without a Kafka client offers: every bad field of it named at once, by what consumers go by.

Consumers stop at the first thing that is wrong with a record, for the record is refused anyway. Whoever writes a sender
wants to know of all of them.
"""

from __future__ import annotations

import functools
import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from scv.errors import BadEvent, BadEvents, did_you_mean
from scv.events import customer_id, event, instant
from scv.events.arrival import Recorded, decode, unknown_country, worded
from scv.events.country import Country

LONGEST = 60
"""So much of a field's name is said back."""
_AT = re.compile(r"(?: - at |in )`\$(?:\.(\w+))?`$")
_ABOUT = {"outside span": "seen_at", "occurred after seen": "occurred_at", "ahead of its record": "seen_at"}
"""Reasons whose sentence names a field by beginning with it, or that are about one."""
Fault = tuple[str, str]
"""A field's JSON pointer, and what is wrong with it."""


class Offered(NamedTuple):
    """An event that consumers will take: its family, key and bytes; `ignored`: fields that nobody reads."""

    family: str
    key: bytes
    value: bytes
    ignored: Sequence[Fault]


def look(records: Sequence[bytes], countries: Mapping[str, Country], recorded: Recorded) -> list[Offered]:
    """Each of these JSON objects as an event; pointers begin with its number.

    Raises BadEvents, naming every bad field of every one of them.
    """
    found, faults = list[Offered](), list[Fault]()
    for number, body in enumerate(records):
        try:
            one = _looked(body, countries, recorded)
        except BadEvents as error:
            faults += [(f"/{number}{pointer}", why) for pointer, why in error.faults]
            continue
        found.append(one._replace(ignored=[(f"/{number}{pointer}", why) for pointer, why in one.ignored]))
    if faults:
        raise BadEvents(faults)
    return found


def _looked(body: bytes, countries: Mapping[str, Country], recorded: Recorded) -> Offered:
    members = _members(body)
    family, kind = _kind(members)
    known = list(event.ENVELOPE) + list(event.payload(kind))
    faults = list(_faults(family, kind, members))
    if not any(pointer == "/country" for pointer, _ in faults):
        code = msgspec.json.decode(members["country"], type=str)
        if code not in countries:
            faults.append(("/country", f"{unknown_country(code)}"))
    if faults:
        raise BadEvents(faults)
    country, customer = (msgspec.json.decode(members[name], type=str) for name in ("country", "customer_id"))
    key = f"{country}:{customer}".encode()
    try:
        decode(family, key, body, countries, recorded)
    except BadEvent as error:
        raise BadEvents([(_pointer(error), _AT.sub("", str(error)))]) from error
    strange = [name for name in members if name not in known and name != "kind"]
    return Offered(family, key, body, [(f"/{name[:LONGEST]}", _unread(name, known)) for name in strange])


def _members(body: bytes) -> dict[str, msgspec.Raw]:
    try:
        return msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        raise BadEvents([("", "An event is a JSON object.")]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadEvents([("", f"It is no JSON: {error}.")]) from error


def _kind(members: Mapping[str, msgspec.Raw]) -> tuple[str, type[event.Event]]:
    """The family and the kind that an object says that it is."""
    said = None if "kind" not in members else _decoded(members["kind"], str)
    families = _families()
    if said == event.tag(event.Erased):
        raise BadEvents([("/kind", "A customer is erased by `cerebro erase`, which tells every family.")])
    if not isinstance(said, str):
        raise BadEvents([("/kind", f"It is missing, or no text. Known: {', '.join(sorted(families))}.")])
    if said not in families:
        near = did_you_mean(said[:LONGEST], families)
        raise BadEvents([("/kind", f"Unknown kind {said[:LONGEST]!r}.{near} Known: {', '.join(sorted(families))}.")])
    return families[said]


@functools.cache
def _families() -> dict[str, tuple[str, type[event.Event]]]:
    """Kind → its family and class, of those that tell of a customer in one family."""
    return {event.tag(kind): (family, kind) for family, kinds in event.FAMILIES.items() for kind in kinds}


@functools.cache
def _types(kind: type[event.Event]) -> dict[str, Any]:
    """Field → its type with its bounds."""
    return typing.get_type_hints(kind, include_extras=True)


def _faults(family: str, kind: type[event.Event], members: Mapping[str, msgspec.Raw]) -> Iterator[Fault]:
    """Every field by itself."""
    needed = [info.name for info in msgspec.structs.fields(kind) if info.required]
    for name, type in _types(kind).items():
        if name in members:
            if why := _why_not(family, name, members[name], type):
                yield f"/{name}", why
        elif name in needed:
            yield f"/{name}", "It is missing."


def _why_not(family: str, name: str, raw: msgspec.Raw, type: Any) -> str:
    """What is wrong with a field; "" where nothing is."""
    try:
        read = msgspec.json.decode(raw, type=type)
    except msgspec.ValidationError as error:
        value = _decoded(raw, str)
        if name in ("occurred_at", "seen_at") and value is not None:
            return _no_instant(value)
        if name == "customer_id" and value is not None:
            return f"It is no customer id: {customer_id.why_not(value) or 'it is not ' + customer_id.RULE}."
        return _sentence(_AT.sub("", worded(family, f"{error} - at `$.{name}`")))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _sentence(f"It is no JSON: {error}")
    if name == "customer_id" and (why := customer_id.why_not(read)):
        return f"It is no customer id: {why}."
    return ""


def _no_instant(text: str) -> str:
    """Msgspec reads nearly all of our grammar; what it refuses may be an instant all the same."""
    try:
        instant.parse(text)
        return ""
    except ValueError as error:
        return f"It is no instant: {error}."


def _decoded(raw: msgspec.Raw, type: Any) -> Any:
    """None for what is something else."""
    try:
        return msgspec.json.decode(raw, type=type)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _pointer(error: BadEvent) -> str:
    """The field that a consumer's sentence is about."""
    found, first = _AT.search(str(error)), str(error).partition(" ")[0]
    name = (found and found[1]) or (first if first in event.ENVELOPE else _ABOUT.get(error.reason, ""))
    if "`seen_at`" in str(error):
        name = "seen_at"
    return f"/{name}" if name else ""


def _unread(name: str, known: Sequence[str]) -> str:
    return f"Nobody reads this field.{did_you_mean(name[:LONGEST], known)}"


def _sentence(text: str) -> str:
    return text if text.endswith((".", ")")) else f"{text}."

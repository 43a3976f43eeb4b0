"""What a published week says of itself, and why it may not be used."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from scv import stamp
from scv.events.country import Country
from scv.model.bundle import Bundle
from scv.offline import snapshot
from scv.stamp import Sealed, Stamp
from scv.targets import target as targets

VERSION = 2


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a week, as it was written. `rows` without the header."""

    bytes: int
    rows: int


class WeekManifest(Sealed, frozen=True, kw_only=True):
    """What a week's folder holds and was made from; nothing in it depends on when it was written.

    `target` is the one the list is ranked by; `models` maps target → bundle id. `data_complete_to` is None where
    the lake had no watermark of a family. `schema` lists the columns of the scores. `stamp.files` are the sha256 of
    `files`, and `seal` is that of the manifest itself.
    """

    country: str
    date: str
    reference: datetime
    list_id: str
    target: str
    models: dict[str, str]
    data_complete_to: datetime | None
    counts: dict[str, int]
    files: dict[str, File]
    schema: dict[str, str]
    stamp: Stamp
    version: int


class _Form(msgspec.Struct):
    """What every release's manifest says."""

    version: int = 0
    list_id: str = ""


def encode(made: WeekManifest) -> bytes:
    return stamp.sealed(made) + b"\n"


def decode(body: bytes) -> WeekManifest:
    """Raises ValueError, in words, for a manifest that is not what was written or has another form."""
    try:
        form = msgspec.json.decode(body, type=_Form).version
        if form != VERSION:
            raise ValueError(f"it was published by another release (form {form}, not {VERSION})")
        return stamp.opened(body, WeekManifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"its manifest cannot be read ({error})") from error


def list_id(body: bytes) -> str:
    """The list's id in a manifest of any release; "" in one that cannot be read."""
    try:
        return msgspec.json.decode(body, type=_Form).list_id
    except ValueError:
        return ""


def made_of(country: Country, taken: snapshot.SnapshotManifest, models: Mapping[str, Bundle | None]) -> Stamp:
    """What a week is of that is exported from a snapshot now, but for its files.

    Definitions are those of the fetchers and of each target's question, and which bundle answered it.
    """
    asked = {f"target {name}": targets.get(name).fingerprint for name in models}
    answered = {f"model {name}": model.manifest for name, model in models.items() if model}
    return stamp.of(
        country,
        stamp.WEEK,
        definitions={**taken.stamp.definitions, **asked, **answered},
        log=taken.stamp.log,
        lake=taken.stamp.lake,
        complete_to={family: min(taken.at, mark) for family, mark in taken.stamp.complete_to.items()},
    )


def why_not(made: WeekManifest, country: Country, at: datetime, log: Mapping[str, str]) -> str:
    """Why a week may not stand for a reference beside what is known today, in words; "" where it may.

    It may where it asked the same questions of customers of the same log (`log`: family → the lake table's id, of
    those that are known). Lists go out under the settings of their day: a capacity may change, and other models
    answer from week to week.
    """
    if (made.country, made.reference) != (country.code, at):
        return f"it is that of {made.country} at {made.reference.isoformat()}"
    names = [name for name in country.targets if name in made.models]
    wanted = stamp.of(
        country,
        {*stamp.QUESTION, *(setting for name in names for setting in targets.get(name).settings)},
        definitions={f"target {name}": targets.get(name).fingerprint for name in names},
        log={family: one for family, one in log.items() if family in made.stamp.log},
    )
    return made.stamp.why_not(wanted)


def other_content(standing: WeekManifest, wanted: WeekManifest) -> str:
    """What differs between two weeks of a date, in sentences; "" where their files are the same."""
    if standing.stamp.files == wanted.stamp.files:
        return ""
    other = [name for name, one in wanted.stamp.files.items() if standing.stamp.files.get(name) != one]
    changed = [f"{target} by {standing.models.get(target) or 'nobody'}, now {model or 'nobody'}"
               for target, model in wanted.models.items() if standing.models.get(target) != model]  # fmt: skip
    why = f" Models: {'; '.join(changed)}." if changed else ""
    return f"other content ({', '.join(other)}) and is never overwritten.{why}"

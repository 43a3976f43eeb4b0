"""What an artefact is of, and the one question before it is used: why not?

Rows' markers, snapshots, training sets, bundles and weeks carry a `Stamp`. Whoever reads one writes down what it
needs as another stamp and asks:

    why = made.why_not(of(country, SNAPSHOT, definitions=…))
    if why:
        raise UserError(f"The snapshot of … cannot be used: {why}. Run `cerebro fetch …`.")

Which settings of a country enter which artefact is said here and nowhere else.
"""

from __future__ import annotations

import functools
import hashlib
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from scv.events.country import Country

NEVER = datetime.min.replace(tzinfo=UTC)


class Stamp(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What an artefact is of. A part that does not apply is empty.

    `definitions` name → fingerprint; `settings` those of the country that enter; `log` name → identity (topic ids,
    epoch, generation, or a lake table's id); `lake` family → table version; `complete_to` family → the instant
    before which that version holds everything (absent: not known); `tz` see `tz`; `files` name → sha256.
    """

    definitions: Mapping[str, str] = {}
    settings: Mapping[str, Any] = {}
    log: Mapping[str, str] = {}
    lake: Mapping[str, int] = {}
    complete_to: Mapping[str, datetime] = {}
    tz: str = ""
    files: Mapping[str, str] = {}

    def why_not(self, wanted: Stamp) -> str:
        """Why an artefact of this stamp is not what is wanted, in words for a sentence; "" where it may be used.

        Only what `wanted` names is asked, and it must be the same here; of `complete_to` at least as late.
        """
        reasons = [
            *_definitions(self.definitions, wanted.definitions),
            *_differ(self.settings, wanted.settings, "{name} was {old} and is {new}"),
            *_differ(self.log, wanted.log, "it is of another log ({name} was {old} and is {new})"),
            *_differ(self.lake, wanted.lake, "it is of version {old} of the lake's {name}, not {new}"),
            *_complete(self.complete_to, wanted.complete_to),
            *_zone(self.tz, wanted.tz),
            *_differ(self.files, wanted.files, "{name} is not what was written"),
        ]
        more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
        return "; ".join(reasons[:3]) + more


def _definitions(made: Mapping[str, str], wanted: Mapping[str, str]) -> Iterable[str]:
    names = sorted(name for name, print_ in wanted.items() if made.get(name) != print_)
    if names:
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        yield f"it has another definition of {', '.join(names[:12])}{more}"


def _differ(made: Mapping[str, Any], wanted: Mapping[str, Any], words: str) -> Iterable[str]:
    for name, new in sorted(wanted.items()):
        if name not in made or made[name] != new:
            yield words.format(name=name, old=_said(made.get(name, "not said")), new=_said(new))


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _complete(made: Mapping[str, datetime], wanted: Mapping[str, datetime]) -> Iterable[str]:
    """The family that lacks most."""
    stood = {family: made.get(family, NEVER) for family in wanted}
    short = [(stood[family], family) for family, at in wanted.items() if stood[family] < at]
    if short:
        at, family = min(short)
        words = "to nobody knew where" if at == NEVER else f"only to {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        yield f"it was taken when the log of {family} was complete {words}"


def _zone(made: str, wanted: str) -> Iterable[str]:
    (then, rules), (now, others) = made.rpartition("/")[::2], wanted.rpartition("/")[::2]
    if wanted and rules != others:
        yield f"the time zone's rules changed (tzdata {then or 'not said'}, now {now})"


# -- which settings of a country enter what ------------------------------------------------------------------
ROWS = ("time_zone", "lateness_days", "memory_days")
"""A row's tiles are of local days; admission goes by lateness; active days are kept as long as a country remembers."""
SNAPSHOT = (*ROWS, "cut_off_days")
"""The open week begins after the cut-off."""
QUESTION = ("time_zone", "cut_off_days", "basis", "active_days", "memory_days", "new_days")
"""What any question is asked by: whose day, which box, phases and populations. `scv.targets.target` adds those that a
target's own words name. Probabilities of two weeks are compared where these are the same."""
MODEL = (
    *dict.fromkeys((*SNAPSHOT, *QUESTION)),
    *("late_allowance_days", "use_age_and_sex"),  # which rows are mature, which columns are candidates
)
"""What a bundle depends on whatever its target is."""
WEEK = (
    *MODEL,
    *("silence_days", "rhythm_days", "return_days", "horizon_days"),
    *("targets", "capacity", "consent", "quiet_days", "held_out_share", "rank_by"),
    *("name", "language", "currency", "decimal", "separator", "provenance", "actions"),
)
NOWHERE = ("code", "starts_on", "ends_on", "delivery_weekdays")
"""The code is in every path. What the span let in is in the log, which is what artefacts are made of; only the
simulator reads delivery weekdays."""
_PLACED = frozenset((*WEEK, *NOWHERE))


def of(country: Country, enters: Iterable[str], **parts: Any) -> Stamp:
    """The stamp of something of a country that these settings enter; `parts` are the others'."""
    return Stamp(settings=of_country(country, enters), tz=tz(country.time_zone), **parts)


def of_country(country: Country, enters: Iterable[str]) -> dict[str, Any]:
    """Those settings of a country by name, as JSON has them, and every one that no list above holds."""
    names = {*enters, *(set(country.__struct_fields__) - _PLACED)}
    said: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(country))
    return {name: value for name, value in said.items() if name in names}


# -- what enters a stamp -------------------------------------------------------------------------------------
def sha256_of(body: bytes) -> str:
    """The content hash of a file."""
    return hashlib.sha256(body).hexdigest()


def sum_of(path: Path) -> tuple[int, str]:
    """The size and the sha256 of a file, read in pieces."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), sha256


class Written(NamedTuple):
    """One file as it was written, for whoever doubts the disk.

    `sha256` is "" where none was taken; `measure` gives the size and sha256 of the file as it is; `mends` is what to
    do where that is another one; `why` is what is wrong with it before anybody measures.
    """

    kind: str
    country: str
    path: str
    sha256: str
    measure: Callable[[], tuple[int, str]]
    mends: str
    why: str = ""


def written(kind: str, country: str, path: Path, sha256: str, mends: str) -> Written:
    """A file of this machine."""
    return Written(kind, country, str(path), sha256, functools.partial(sum_of, path), mends)


def judged(kind: str, country: str, path: str, why: str, mends: str) -> Written:
    """A file that was read already and says itself whether it is whole."""
    return Written(kind, country, path, "itself", lambda: (0, "itself"), mends, why)


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest; `seal` is the hash of all else that it says."""

    seal: str = ""


Manifest = TypeVar("Manifest", bound=Sealed)


def sealed(said: Sealed) -> bytes:
    """A manifest as JSON, with its seal."""
    return msgspec.json.format(_ordered(msgspec.structs.replace(said, seal=_seal(said))))


def opened(body: bytes, form: type[Manifest]) -> Manifest:
    """A manifest of its JSON, without its seal (an earlier release gave it none).

    Raises ValueError where it is not what was written.
    """
    said = msgspec.json.decode(body, type=form)
    if said.seal and said.seal != _seal(said):
        raise ValueError("its manifest is not what was written")
    return msgspec.structs.replace(said, seal="")


def _seal(said: Sealed) -> str:
    return sha256_of(_ordered(msgspec.structs.replace(said, seal="")))


def _ordered(said: Sealed) -> bytes:
    """As JSON twice: what has numbers for keys (an epoch's partitions) has an order only as text."""
    return msgspec.json.encode(msgspec.json.decode(msgspec.json.encode(said)), order="sorted")


def print_of(*parts: object) -> str:
    """A fingerprint, 8 hex digits, of parts whose text says what is computed."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:8]


@functools.cache
def tz(zone: str) -> str:
    """`RELEASE/RULES`: the release of tzdata that this process takes a zone from, and 8 hex digits of what it says.

    Stamps are compared by the rules alone: most releases change other countries' zones.
    """
    return f"{_release(zone)}/{print_of(*_changes(zoneinfo.ZoneInfo(zone)))}"


def _release(zone: str) -> str:
    """As zoneinfo looks for it: the system's folders first, then the tzdata package."""
    for folder in map(Path, zoneinfo.TZPATH):
        if (folder / zone).is_file():
            listing = folder / "tzdata.zi"
            said = listing.open(encoding="utf-8").readline() if listing.is_file() else ""
            return said.rpartition("version ")[2].strip() or "unknown"
    import tzdata

    return tzdata.IANA_VERSION


def _changes(zone: zoneinfo.ZoneInfo) -> Iterable[str]:
    """The zone's offset from UTC and each second at which it changes, 1990 to 2050."""
    at, end, day = datetime(1990, 1, 1, tzinfo=UTC), datetime(2050, 1, 1, tzinfo=UTC), timedelta(days=1)
    offset = at.astimezone(zone).utcoffset()
    yield f"{offset}"
    while at < end:
        if (at + day).astimezone(zone).utcoffset() != offset:
            low, high = at, at + day
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low) // timedelta(seconds=1) // 2)
                low, high = (middle, high) if middle.astimezone(zone).utcoffset() == offset else (low, middle)
            offset = high.astimezone(zone).utcoffset()
            yield f"{high.isoformat()} {offset}"
        at += day

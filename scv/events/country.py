"""A country is data: `XX.toml`, shipped or the user's own (which wins)."""

from __future__ import annotations

import contextlib
import functools
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import msgspec
from msgspec import Meta

from scv import language
from scv.errors import BadSetting, did_you_mean, look_up
from scv.events import money

BUILT_IN = Path(__file__).parent / "countries"

EARLIEST, LATEST = date(1970, 1, 1), date(9999, 1, 1)
"""Every span lies between: its instants count from 1970, and local time in every zone has them."""

Basis = Literal["recorded", "derived"]
Days = Annotated[int, Meta(ge=1, le=3650)]


class Country(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Settings of one country; every default is the one of the definitions page.

    Days are local calendar days of `time_zone`. `starts_on` and `ends_on` bound `seen_at`:
    an arrival outside `[starts_on, ends_on)` is refused. `memory_days` is how long a silent customer is asked
    about, and how far folds over active days look back where that is more than their 399 days. `rank_by`: the list
    is in order of the probability, or of what a contact is expected to save, once that can be told.
    """

    code: Annotated[str, Meta(pattern="^[A-Z]{2}$")]
    name: str
    time_zone: str
    starts_on: date
    ends_on: date
    language: str = language.DEFAULT
    currency: str = "EUR"
    decimal: Literal[".", ","] = "."
    separator: Literal[",", ";"] = ","
    basis: Basis = "derived"
    targets: tuple[str, ...] = ("lapse", "skip", "return")
    active_days: Days = 28
    silence_days: Days = 56
    rhythm_days: Days = 7
    memory_days: Days = 365
    return_days: Days = 28
    horizon_days: Days = 28
    new_days: Days = 35
    lateness_days: Days = 35
    late_allowance_days: Days = 1
    capacity: Annotated[int, Meta(ge=1)] = 100
    consent: Literal["recorded", "not recorded"] = "recorded"
    quiet_days: Annotated[int, Meta(ge=0)] = 14
    held_out_share: Annotated[float, Meta(ge=0, lt=1)] = 0.1
    rank_by: Literal["risk", "saved"] = "risk"
    use_age_and_sex: bool = False
    delivery_weekdays: tuple[Annotated[int, Meta(ge=0, le=6)], ...] = (0, 1, 2, 3, 4, 5, 6)
    cut_off_days: Annotated[int, Meta(ge=0)] = 5
    provenance: str = ""
    actions: tuple[tuple[str, str], ...] = ()
    """What to suggest instead of the language's own, by target or theme: `["leaving/complaints", "…"]`."""

    @functools.cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def money(self, minor: float) -> str:
        """An amount in the smallest unit of its currency (what fields call cents), for people."""
        return money.text(minor, self.currency, self.decimal)

    @functools.cached_property
    def minor_units(self) -> int:
        """How many of its smallest unit make one of the currency."""
        return int(10 ** money.digits(self.currency))

    def days(self, setting: str) -> int:
        """A setting that counts days, by its name, one of `DAYS`."""
        return int(getattr(self, setting))


DAYS = tuple(name for name in Country.__struct_fields__ if name.endswith("_days"))
"""The settings that count days."""


_zones = functools.cache(available_timezones)  # it walks hundreds of files


def load(code: str, folder: Path | None = None) -> Country:
    """The country of that code; a file in `folder` wins over the built-in one.

    Raises UnknownName (with the nearest code) or BadSetting (naming the file and the key).
    """
    return read(look_up("country", code, _files(folder), f"A country is a file XX.toml in {folder or BUILT_IN}."))


class State(NamedTuple):
    """A country's file, and something that is another one whenever it changes."""

    path: Path
    changed: tuple[int, int, int]


def changed(code: str, folder: Path | None = None) -> State | None:
    """The state of a country's file; None for no country."""
    if not re.fullmatch("[A-Z]{2}", code):
        return None
    paths = [one / f"{code}.toml" for one in ([folder] if folder else []) + [BUILT_IN]]
    return next((_state(path) for path in paths if path.is_file()), None)


def states(folder: Path | None = None) -> dict[str, State]:
    """The state of every country's file, by code."""
    found = {}
    for code, path in sorted(_files(folder).items()):
        with contextlib.suppress(FileNotFoundError):  # it went this moment
            found[code] = _state(path)
    return found


def _state(path: Path) -> State:
    state = path.stat()
    return State(path, (state.st_mtime_ns, state.st_ino, state.st_size))


def known(folder: Path | None = None) -> dict[str, Country]:
    """Every country that can be loaded, by code."""
    return {code: read(path) for code, path in sorted(_files(folder).items())}


def read(path: Path) -> Country:
    """One country file."""
    try:
        country = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Country)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise BadSetting(f"Country file {path} cannot be used: {error}") from error
    if country.time_zone not in _zones():
        near = did_you_mean(country.time_zone, _zones())
        raise BadSetting(f"Country file {path}: unknown time_zone {country.time_zone!r}.{near}")
    if country.language not in language.known():
        known = ", ".join(language.known())
        raise BadSetting(f"Country file {path}: language {country.language!r} is none of {known}")
    if why := money.unknown(country.currency):
        raise BadSetting(f"Country file {path}: currency {why}")
    if country.code != path.stem:
        raise BadSetting(f"Country file {path}: code {country.code!r} does not match the file's name")
    if not EARLIEST < country.starts_on < country.ends_on < LATEST:
        raise BadSetting(f"Country file {path}: needs {EARLIEST} < starts_on < ends_on < {LATEST}")
    if country.rhythm_days >= country.silence_days or country.active_days > country.memory_days:
        raise BadSetting(f"Country file {path}: needs rhythm_days < silence_days and active_days <= memory_days")
    return country


def _files(folder: Path | None) -> dict[str, Path]:
    folders = [BUILT_IN] + ([folder] if folder else [])
    return {path.stem: path for one in folders if one.is_dir() for path in sorted(one.glob("[A-Z][A-Z].toml"))}

"""A fetcher declares features over one event family. From that one declaration follow the batch table,
the stream's update, the Feast view and the catalogue.

    class AppUsage(Fetcher):
        \"\"\"Time spent in the mobile app.\"\"\"
        family = "app"
        minutes = Sum("duration_s", per=60).each_week(6)

A feature is data over the closed set of folds: no callable, no SQL, no second version for streaming.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from scv import project
from scv.errors import BadSetting, look_up
from scv.events import event as events
from scv.folds import FOLDS
from scv.folds.fold import OPEN_WEEK, Dtype, Fold, Window, Windowed
from scv.stamp import print_of

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
"""Without `__`, which parts a full name in two."""
RESERVED = "derived"
ROOM = "scv.fetchers."
_ROOMS = (ROOM, f"{project.PACKAGE}.")
_declared: dict[str, tuple[type[Fetcher], str]] = {}
"""What our room and the project's declare, by name, with file and line."""


@dataclass(frozen=True)
class Feature:
    """One variable of a fetcher: a fold, a window (None: lifetime) and how it is called."""

    fetcher: str
    name: str
    fold: Fold
    window: Window | None
    dtype: Dtype

    @functools.cached_property
    def full_name(self) -> str:
        """`fetcher__feature`: the name in tables, bundles and Feast."""
        return f"{self.fetcher}__{self.name}"

    @functools.cached_property
    def tiled(self) -> bool:
        """Kept per day (and not as one lifetime state)."""
        return self.window is not None and self.fold.tiled

    @functools.cached_property
    def key(self) -> str:
        return f"{self.name}={self.fold.key()}@{self.window}:{self.dtype}"

    @functools.cached_property
    def fingerprint(self) -> str:
        """8 hex digits of what this feature computes: its family, fold and window, not its words."""
        return print_of(f"{self.fetcher}.{self.key}")


class Fetcher:
    """Base of all event fetchers; a subclass is a definition and is never instantiated.

    Class attributes that are folds (or windowed folds) become features, in order. The name is the class
    name in snake case. Raises BadSetting or UnknownName at import for a name that is taken, a family that there is
    not, and a kind or field that it does not have.
    """

    family: ClassVar[str]
    name: ClassVar[str]
    doc: ClassVar[str]
    features: ClassVar[tuple[Feature, ...]]

    def __init_subclass__(cls) -> None:
        declaring = sys._getframe(1)
        place = f"{declaring.f_code.co_filename}:{declaring.f_lineno}"
        cls.name = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()
        cls.doc = " ".join((cls.__doc__ or "").split())
        if not NAME.fullmatch(cls.name) or cls.name == RESERVED:
            raise BadSetting(f"No fetcher can be called {cls.name} ({place}): rename its class, as in AppUsage.")
        if not cls.doc:
            raise BadSetting(f"Fetcher {cls.__name__} needs a docstring: one sentence an analyst understands.")
        if not isinstance(getattr(cls, "family", None), str):
            known = ", ".join(events.FAMILIES)
            raise BadSetting(f"Fetcher {cls.__name__} needs a line `family = …` with one of {known} ({place}).")
        events.expect(cls.family, (), (), f"(in fetcher {cls.__name__}, {place})")
        cls.features = _features(cls)
        if cls.__module__.startswith(_ROOMS):
            _, taken = _declared.get(cls.name, (cls, place))
            if taken != place:
                raise BadSetting(
                    f"There are two fetchers `{cls.name}`: {taken} and {place}. Rename one of the classes."
                )
            _declared[cls.name] = (cls, place)

    @classmethod
    def column(cls, name: str) -> str:
        """The full name of one of its features. Raises UnknownName."""
        known = {one.name: one.full_name for one in cls.features}
        return look_up("feature", name, known, f"(in fetcher {cls.__name__})")

    @classmethod
    def fingerprint(cls) -> str:
        """8 hex digits of what the fetcher computes; keys its rows, its Feast tag and its markers."""
        return print_of(cls.family, *(feature.key for feature in cls.features))


def _features(cls: type[Fetcher]) -> tuple[Feature, ...]:
    found: dict[str, tuple[Feature, str]] = {}
    for attribute, value in vars(cls).items():
        if not isinstance(value, Fold | Windowed):
            continue
        fold, windows = (value.fold, value.windows) if isinstance(value, Windowed) else (value, {})
        _check(cls.family, fold, f"in fetcher {cls.__name__}, feature {attribute}", attribute, windows.values())
        dtype = fold.dtype(events.fields(cls.family))
        for suffix, window in windows.items() or [("", None)]:
            feature = Feature(cls.name, attribute + suffix, fold, window, dtype)
            if feature.name in found:
                raise BadSetting(
                    f"Fetcher {cls.__name__} has two features `{feature.name}`: one of `{found[feature.name][1]}`, one "
                    f"of `{attribute}`. Rename one of them."
                )
            found[feature.name] = (feature, attribute)
    if not found:
        raise BadSetting(f"Fetcher {cls.__name__} declares no feature.")
    return tuple(feature for feature, _ in found.values())


def _check(family: str, fold: Fold, where: str, name: str, windows: Iterable[Window]) -> None:
    """Raise BadSetting or UnknownName for a fold, a name or a window that could only compute nonsense."""
    kind = type(fold).__name__
    if not NAME.fullmatch(name):
        raise BadSetting(f"Feature names are lower case words: {name!r} {where}.")
    read = [field for field in (fold.field, *fold.reads, *(field for field, _, _ in fold.where)) if field]
    events.expect(family, fold.kinds, read, f"({where})", fold.where)
    if fold.needs_field and not fold.field:
        raise BadSetting(f"{kind} needs a field {where}.")
    found = "str" if fold.field == "kind" else events.fields(family).get(fold.field, "")
    if fold.field and fold.field_types and found not in fold.field_types:
        wanted = " or ".join(fold.field_types)
        raise BadSetting(f"{kind} needs a field of type {wanted}; {fold.field} is {found} ({where}).")
    for window in windows:
        if window == OPEN_WEEK:
            if not fold.looks_ahead:
                raise BadSetting(f"{kind} cannot look ahead ({where}).")
        elif not 0 <= window.end < window.start:
            raise BadSetting(f"A window needs 0 <= end < start, not {window} ({where}).")
        elif fold.reach is not None and window.start > fold.reach:
            most = f"a window of at most {fold.reach} days" if fold.reach else "no window"
            raise BadSetting(f"{kind} takes {most} ({where}).")


@functools.cache
def collect() -> dict[str, type[Fetcher]]:
    """Every fetcher in `scv.fetchers` and in the project's fetchers/, by name, in alphabetical order.

    Raises BadSetting, naming file and line, for a file of the project that cannot be used.
    """
    package = importlib.import_module("scv.fetchers")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(ROOM + module.name)
    for found in project.definitions("fetchers"):
        project.declares(found, len(_of_file(found)))
        for one in _of_file(found):
            _only_our_folds(one)
    return {name: cls for name, (cls, _) in sorted(_declared.items())}


def own() -> list[type[Fetcher]]:
    """The project's own, in the order of their files."""
    collect()
    return [one for found in project.definitions("fetchers") for one in _of_file(found)]


def _of_file(found: project.Definition) -> list[type[Fetcher]]:
    classes = [one for one in found.held(type) if issubclass(one, Fetcher)]
    return [one for one in classes if one.__module__ == found.module.__name__]


def _only_our_folds(fetcher: type[Fetcher]) -> None:
    """Raise BadSetting for a fold of one's own: nothing proves that its SQL and its Python agree."""
    for feature in fetcher.features:
        if type(feature.fold) not in FOLDS:
            _, place = _declared[fetcher.name]
            known = ", ".join(fold.__name__ for fold in FOLDS)
            raise BadSetting(
                f"{place}: feature {feature.name} is made of {type(feature.fold).__name__}, which is no fold of ours. "
                f"There are {known}."
            )


def of_family(family: str) -> list[type[Fetcher]]:
    """The fetchers that read one family's topic."""
    return [fetcher for fetcher in collect().values() if fetcher.family == family]


def get(name: str) -> type[Fetcher]:
    """A fetcher by name. Raises UnknownName."""
    return look_up("fetcher", name, collect())


def all_features() -> dict[str, Feature]:
    """Every feature of every fetcher, by full name."""
    return {feature.full_name: feature for fetcher in collect().values() for feature in fetcher.features}

"""How a fetcher's folds lie in a row: which states it keeps, and which of them each feature reads."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from scv.events import event as events
from scv.events.country import Country
from scv.features.fetcher import Feature, Fetcher
from scv.folds.fold import Fold, Window

_COUNTRIES = 64


class Slot(NamedTuple):
    """Where a feature's state is: its place in each day's tile if it is `tiled`, else among the lifetime states."""

    feature: Feature
    place: int


class FeatureRead(NamedTuple):
    """How a feature's value comes from its state at `place`: of the tiles in the window where it is tiled, else of
    the lifetime state. `window` as it is in a country, `inside` its place among the plan's windows of tiles, or NOWHERE
    where there is none."""

    name: str
    place: int
    fold: Fold
    inside: int
    window: Window | None


class ReadPlan(NamedTuple):
    """How all features of a layout are read in a country: `windows` of tiles, each once, and the features in order."""

    windows: Sequence[Window]
    reads: Sequence[FeatureRead]


NOWHERE = -1


class Taker(NamedTuple):
    """A fold that an event of some kind may enter; with `always` every such event enters.

    `place` is its state's among a day's tile if it is `tiled`, else among the lifetime states.
    """

    place: int
    fold: Fold
    tiled: bool
    always: bool


@dataclass(frozen=True)
class Layout:
    """The states of one fetcher's rows.

    `tiles` are kept per local day, `lives` once; features that need the same state share it. `longest_days` is
    the longest tiled window.
    """

    fetcher: str
    family: str
    fingerprint: str
    tiles: tuple[Fold, ...]
    lives: tuple[Fold, ...]
    slots: tuple[Slot, ...]
    longest_days: int

    @functools.cached_property
    def takers(self) -> Mapping[str, list[Taker]]:
        """Event kind → the folds that it may enter."""
        tags = [events.tag(kind) for kind in events.kinds(self.family)]
        return {tag: _taking(self.lives, tag, False) + _taking(self.tiles, tag, True) for tag in tags}

    def plan(self, country: Country) -> ReadPlan:
        """How each feature is read in a country."""
        known = self._plans.get(id(country))
        if known is None or known[0] is not country:
            if len(self._plans) >= _COUNTRIES:
                self._plans.clear()
            known = self._plans[id(country)] = country, _plan(self.slots, country)
        return known[1]

    @functools.cached_property
    def _plans(self) -> dict[int, tuple[Country, ReadPlan]]:
        """By the identity of a country, which it holds on to: to compare its settings takes longer than to read."""
        return {}

    @functools.cached_property
    def nothing(self) -> Mapping[str, Any]:
        """The values of a customer without a row."""
        return MappingProxyType({slot.feature.name: None for slot in self.slots})

    @functools.cached_property
    def full_names(self) -> Sequence[str]:
        """Of the features, in order."""
        return [slot.feature.full_name for slot in self.slots]

    @functools.cached_property
    def pruning(self) -> list[tuple[int, Fold]]:
        """The lifetime states, by their place, that hold what no later read can see."""
        return [(place, fold) for place, fold in enumerate(self.lives) if type(fold).prune is not Fold.prune]

    @functools.cached_property
    def field(self) -> str:
        """The row's field in the customer's hash."""
        return f"{self.fetcher}@{self.fingerprint}"


def _plan(slots: Sequence[Slot], country: Country) -> ReadPlan:
    windows: list[Window] = []
    reads = []
    for slot in slots:
        feature, fold = slot.feature, slot.feature.fold
        window, inside = feature.window if feature.tiled else fold.cut(feature.window, country), NOWHERE
        if feature.tiled and window:
            if window not in windows:
                windows.append(window)
            inside = windows.index(window)
        reads.append(FeatureRead(feature.name, slot.place, fold, inside, window))
    return ReadPlan(windows, reads)


def _taking(folds: tuple[Fold, ...], kind: str, tiled: bool) -> list[Taker]:
    mine = [(place, fold) for place, fold in enumerate(folds) if not fold.kinds or kind in fold.kinds]
    return [Taker(place, fold, tiled, not fold.where and fold.field in ("", "kind")) for place, fold in mine]


_known: dict[type[Fetcher], Layout] = {}


def layout_of(fetcher: type[Fetcher]) -> Layout:
    """The layout that follows from a fetcher's features."""
    if fetcher not in _known:
        _known[fetcher] = _layout(fetcher)
    return _known[fetcher]


def _layout(fetcher: type[Fetcher]) -> Layout:
    tiles: dict[tuple[object, ...], Fold] = {}
    lives: dict[tuple[object, ...], Fold] = {}
    slots = []
    for feature in fetcher.features:
        states, key = tiles if feature.tiled else lives, feature.fold.state_key()
        states.setdefault(key, feature.fold)
        slots.append(Slot(feature, list(states).index(key)))
    return Layout(
        fetcher=fetcher.name,
        family=fetcher.family,
        fingerprint=fetcher.fingerprint(),
        tiles=tuple(tiles.values()),
        lives=tuple(lives.values()),
        slots=tuple(slots),
        longest_days=max((one.window.start for one in fetcher.features if one.tiled and one.window), default=0),
    )

"""How a fetcher's folds lie in a row: which states it keeps, and which of them each feature reads."""

from __future__ import annotations

from dataclasses import dataclass, field

from scv.features.fetcher import Feature, Fetcher
from scv.folds.fold import Fold

Takers = tuple[tuple[int, Fold], ...]


@dataclass(frozen=True)
class Slot:
    """Where a feature's state is: in the tiles of each day, or among the lifetime states."""

    feature: Feature
    tiled: bool
    index: int


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
    takers: dict[str, tuple[Takers, Takers]] = field(default_factory=dict, compare=False, repr=False)

    def of_kind(self, kind: str) -> tuple[Takers, Takers]:
        """The (index, fold) pairs among `lives` and among `tiles` that events of a kind may enter."""
        if kind not in self.takers:
            lives, tiles = (
                tuple((i, fold) for i, fold in enumerate(folds) if not fold.kinds or kind in fold.kinds)
                for folds in (self.lives, self.tiles)
            )
            self.takers[kind] = (lives, tiles)
        return self.takers[kind]

    @property
    def field(self) -> str:
        """The row's field in the customer's hash."""
        return f"{self.fetcher}@{self.fingerprint}"

    def keep_days(self, lateness_days: int) -> int:
        """How many days of tiles a row keeps behind its clock."""
        return max(self.longest_days, lateness_days)


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
        states = tiles if feature.tiled else lives
        key = feature.fold.state_key()
        states.setdefault(key, feature.fold)
        slots.append(Slot(feature, feature.tiled, list(states).index(key)))
    longest = max((slot.feature.window.start for slot in slots if slot.tiled and slot.feature.window), default=0)
    return Layout(
        fetcher=fetcher.name,
        family=fetcher.family,
        fingerprint=fetcher.fingerprint(),
        tiles=tuple(tiles.values()),
        lives=tuple(lives.values()),
        slots=tuple(slots),
        longest_days=longest,
    )

"""Which bundle answers: one pointer per country and target, moved last and in one step; and which did before."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from scv import atomic as whole
from scv.errors import CorruptBundle
from scv.events.calendar import from_us
from scv.events.clock import wall_us
from scv.settings import Settings
from scv.stamp import Sealed, opened, sealed

POINTER, SHADOW = "champion.json", "shadow.json"
"""Who answers; and who is asked beside it, and never heard."""
MENDS = "Run `cerebro train` for a new champion, or `cerebro models promote` for one of those that are there."
REMEMBERED = 100
"""Two years of weeks."""


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle began to answer at an instant, and why."""

    id: str
    at: datetime
    why: str


class Pointer(Sealed, frozen=True, kw_only=True):
    """The champion's id and the SHA-256 of its manifest; `promotions` oldest first, the newest is the champion's.

    A pointer of an earlier release has neither seal nor promotions.
    """

    id: str
    manifest: str
    promotions: tuple[Promotion, ...] = ()


def folder(settings: Settings, country: str, target: str) -> Path:
    """Where the bundles of a country and target lie, one folder per id."""
    return settings.bundles_path / country / target


def pointer(bundles: Path, name: str = POINTER) -> Pointer | None:
    """The pointer among the bundles of a target; None before the first promotion (or without a shadow). Raises
    CorruptBundle if it cannot be read."""
    path = bundles / name
    if not path.exists():
        return None
    try:
        return opened(path.read_bytes(), Pointer)
    except (msgspec.DecodeError, ValueError) as error:
        raise CorruptBundle(f"{path} cannot be read ({error}). {MENDS}") from error


def champion(settings: Settings, country: str, target: str) -> Path | None:
    """The champion's folder; None before the first promotion."""
    bundles = folder(settings, country, target)
    found = pointer(bundles)
    return None if found is None else bundles / found.id


def cast(path: Path, manifest: str) -> None:
    """Make the bundle in `path` the shadow of its folder."""
    whole.write(path.parent / SHADOW, sealed(Pointer(id=path.name, manifest=manifest)))


def point(path: Path, manifest: str, why: str = "") -> None:
    """Make the bundle in `path` the champion of its folder: a reader sees the old pointer or the new one."""
    try:
        before = pointer(path.parent)
    except CorruptBundle:  # what it remembered is gone; the new one is none the worse
        before = None
    promotions = before.promotions if before else ()
    if not promotions or promotions[-1].id != path.name:
        promotions = (*promotions, Promotion(id=path.name, at=from_us(wall_us()), why=why))[-REMEMBERED:]
    made = Pointer(id=path.name, manifest=manifest, promotions=promotions)
    whole.write(path.parent / POINTER, sealed(made))

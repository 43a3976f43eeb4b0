"""Which bundle answers: one pointer per country and target, moved last and in one step."""

from __future__ import annotations

from pathlib import Path

import msgspec

from scv import atomic as whole
from scv.errors import CorruptBundle
from scv.settings import Settings

POINTER = "champion.json"


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """The champion's id and the SHA-256 of its manifest."""

    id: str
    manifest: str


def folder(settings: Settings, country: str, target: str) -> Path:
    """Where the bundles of a country and target lie, one folder per id."""
    return settings.bundles_path / country / target


def pointer(bundles: Path) -> Pointer | None:
    """The pointer among the bundles of a target; None before the first promotion. Raises CorruptBundle if it cannot
    be read."""
    path = bundles / POINTER
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Pointer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptBundle(f"{path} cannot be read ({error}). Run `cerebro train` for a new champion.") from error


def champion(settings: Settings, country: str, target: str) -> Path | None:
    """The champion's folder; None before the first promotion."""
    bundles = folder(settings, country, target)
    found = pointer(bundles)
    return None if found is None else bundles / found.id


def point(path: Path, manifest: str) -> None:
    """Make the bundle in `path` the champion of its folder: a reader sees the old pointer or the new one."""
    body = msgspec.json.encode(Pointer(id=path.name, manifest=manifest))
    whole.write(path.parent / POINTER, body)

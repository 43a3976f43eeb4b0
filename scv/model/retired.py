"""Bundles that answer no more: no champion, named by no published week and no served vector."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from pathlib import Path

from scv.atomic import alone
from scv.leftover import Leftover, leftover, older, remove_folder
from scv.model import bundle, champion
from scv.settings import Settings

SETTLED_DAYS = 1
"""After a pointer moved: who began with the old champion has ended by then."""


def retired(settings: Settings, country: str, named: Collection[str]) -> Iterator[Leftover]:
    """The bundles of a country that are older than `bundle_days`, but for champions, shadows and `named` ids.

    Where the champion changed within a day nothing goes. Raises CorruptBundle for a pointer that cannot be read.
    """
    for folder in sorted((settings.bundles_path / country).glob("*")):
        pointer = champion.pointer(folder)
        if pointer is None or not older(folder / champion.POINTER, SETTLED_DAYS):
            continue
        shadow = champion.pointer(folder, champion.SHADOW)
        kept = {one.id for one in (pointer, shadow) if one}
        for manifest in sorted(folder.glob(f"[!.]*/{bundle.MANIFEST}")):
            path = manifest.parent
            if path.name not in {*kept, *named} and older(manifest, settings.bundle_days):
                yield leftover("bundles", country, path, functools.partial(_remove, path))


def _remove(path: Path) -> bool:
    """Raises UserError while a training of the same target is at work."""
    with alone(path.parent, busy=f"A training of {path.parent.parent.name} {path.parent.name} is at work"):
        pointer = champion.pointer(path.parent)
        return pointer is not None and pointer.id != path.name and remove_folder(path)

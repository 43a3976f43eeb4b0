"""The bundles of a country's targets: which there are, which answered since when, and how two of them differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from scv import atomic
from scv.errors import CorruptBundle, UnknownName, UserError
from scv.events.country import Country
from scv.model import bundle, champion
from scv.model.bundle import BundleInfo
from scv.settings import Settings

FIGURES = ("log_loss", "auc", "pr_auc", "ece", "ratio", "rows", "positives")


@dataclass(frozen=True)
class Entry:
    """A bundle on disk. `info` None: it cannot be read, `trouble` says why, as it does where it may not answer today.

    `since` is when it was last promoted, None if never (or before promotions were written down).
    """

    country: str
    target: str
    path: Path
    info: BundleInfo | None
    trouble: str
    answers: bool
    since: datetime | None
    why: str

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def figures(self) -> Mapping[str, float]:
        """On customers that a fit had not seen."""
        return self.info.metrics.get("out_of_fold", {}) if self.info else {}


def entries(settings: Settings, country: Country, target: str) -> list[Entry]:
    """The bundles of a target, oldest first. Raises CorruptBundle for a pointer that cannot be read."""
    folder = champion.folder(settings, country.code, target)
    pointer = champion.pointer(folder)
    return [_entry(path, country, pointer) for path in _paths(folder)]


def entry(settings: Settings, country: Country, target: str, id: str) -> Entry:
    """One bundle, also where the pointer cannot be read. Raises UnknownName."""
    folder = champion.folder(settings, country.code, target)
    found = {path.name: path for path in _paths(folder)}
    if id not in found:
        raise UnknownName(f"bundle of {country.code} {target}", id, found)
    try:
        return _entry(found[id], country, champion.pointer(folder))
    except CorruptBundle:
        return _entry(found[id], country, None)


def answering(settings: Settings, country: Country, target: str) -> Entry:
    """The champion. Raises UserError where there is none, CorruptBundle for a pointer that cannot be read."""
    pointer = champion.pointer(champion.folder(settings, country.code, target))
    if pointer is None:
        code = country.code
        raise UserError(f"No champion of {code} {target}: run `cerebro train {code} --target {target}`.")
    return entry(settings, country, target, pointer.id)


def _paths(folder: Path) -> list[Path]:
    return [manifest.parent for manifest in sorted(folder.glob(f"[!.]*/{bundle.MANIFEST}"))]


def _entry(path: Path, country: Country, pointer: champion.Pointer | None) -> Entry:
    promotion = {one.id: one for one in pointer.promotions}.get(path.name) if pointer else None
    try:
        info = bundle.read_info(path)
        trouble = bundle.why_not(info, country)
    except CorruptBundle as error:
        info, trouble = None, str(error)
    return Entry(
        country=country.code,
        target=path.parent.name,
        path=path,
        info=info,
        trouble=trouble,
        answers=pointer is not None and pointer.id == path.name,
        since=promotion.at if promotion else None,
        why=promotion.why if promotion else "",
    )


def before(settings: Settings, country: Country, target: str) -> Entry:
    """The bundle that answered before the champion and still may. Raises UserError where there is none."""
    pointer = champion.pointer(champion.folder(settings, country.code, target))
    found = {one.id: one for one in entries(settings, country, target)}
    for promotion in reversed(pointer.promotions if pointer else ()):
        one = found.get(promotion.id)
        if one is not None and not one.answers and not one.trouble:
            return one
    raise UserError(
        f"No earlier champion of {country.code} {target} is there that may answer today. "
        f"`cerebro models list {country.code}` says which bundles there are, `cerebro models promote` takes one."
    )


def promote(settings: Settings, country: Country, one: Entry, why: str) -> None:
    """Let a bundle answer. Raises CorruptBundle, StaleBundle, or UserError while a training is at work."""
    folder = champion.folder(settings, country.code, one.target)
    busy = f"A training of {country.code} {one.target} is at work: wait for it."
    with atomic.alone(folder, busy):
        bundle.promote(one.path, country, why)


def differences(a: BundleInfo, b: BundleInfo) -> Iterator[tuple[str, str, str]]:
    """(what, of a, of b) where two bundles of a target are not alike: what they are of, recipe, columns, figures."""
    for name in ("reference", "label_as_of", "sentence", "trained_on", "params", "calibration", "stamp"):
        yield from _differ(name, *(_plain(getattr(one, name)) for one in (a, b)))
    mine, theirs = ({one.name: one.fingerprint for one in info.columns} for info in (a, b))
    for name in sorted(mine.keys() | theirs.keys()):
        if mine.get(name) != theirs.get(name):
            yield f"column {name}", mine.get(name, "-"), theirs.get(name, "-")
    told = [info.metrics.get("out_of_fold", {}) for info in (a, b)]
    for name in FIGURES:
        yield from _differ(name, *(_rounded(one.get(name)) for one in told))


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value, str_keys=True)


def _rounded(value: float | None) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _differ(name: str, mine: Any, theirs: Any) -> Iterator[tuple[str, str, str]]:
    """Of a structure only the fields that are not alike, by their full name."""
    if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
        for key in [*mine, *(one for one in theirs if one not in mine)]:
            yield from _differ(f"{name} {key}", mine.get(key), theirs.get(key))
    elif mine != theirs:
        yield name, _word(mine), _word(theirs)


def _word(value: Any) -> str:
    return "-" if value is None else str(value)

"""Every fold with parameters that follow from what it declares: fields of the right type, windows within its reach."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from scv.events import event as events
from scv.features.fetcher import Fetcher
from scv.folds import FOLDS
from scv.folds.fold import OPEN_WEEK, Fold, Window, Windowed

FAMILIES = ("orders", "subscription")
"""Between them every type of field."""
WINDOWS = {"7d": Window(7), "old": Window(28, 7), "399d": Window(399), "500d": Window(500)}


def sample_fields(fold: type[Fold], family: str) -> list[str]:
    """The fields of a family that a fold can take; '' where it needs none."""
    fitting = [f for f, kind in events.fields(family).items() if not fold.field_types or kind in fold.field_types]
    plain = ["kind"] if not fold.field_types else []
    return [*plain, *fitting[:2]] if fold.needs_field else ["", *fitting[:1]]


def sample_folds(family: str, folds: Sequence[type[Fold]] = FOLDS) -> Iterator[Fold]:
    """Every fold (of the closed set, or of some of it) over a family: plain, with kinds and conditions, with other
    parameters."""
    kinds = tuple(events.tag(kind) for kind in events.FAMILIES[family])
    for fold in (one for one in folds if set(one.reads) <= set(events.fields(family))):
        for field in sample_fields(fold, family):
            plain = fold(field, **fold.sample_parameters)
            yield plain
            if field == sample_fields(fold, family)[-1]:
                yield dataclasses.replace(plain, kinds=kinds[:2])
                yield dataclasses.replace(plain, where=(("kind", "==", kinds[0]),))
            for own in {f.name for f in dataclasses.fields(fold)} & {"per", "most"}:
                yield dataclasses.replace(plain, **{own: 3})


def probe(family: str, folds: Sequence[type[Fold]] = FOLDS) -> type[Fetcher]:
    """A fetcher of all sample folds of a family over all windows that each can take."""
    declared: dict[str, object] = {"__doc__": "Every fold.", "family": family, "__module__": __name__}
    for number, fold in enumerate(sample_folds(family, folds)):
        reach = 10_000 if fold.reach is None else fold.reach
        windows = {f"_{name}": window for name, window in WINDOWS.items() if window.start <= reach}
        windows |= {"_open": OPEN_WEEK} if fold.looks_ahead else {}
        name = f"{type(fold).__name__.lower()}_{number}"
        declared[name] = fold
        if windows and not fold.where:
            declared[name + "_in"] = Windowed(fold, windows)
    return type(f"Every{family.title()}", (Fetcher,), declared)

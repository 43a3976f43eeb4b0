"""What a variable is about: many small contributions of one theme make one reason."""

from __future__ import annotations

import functools

from scv.features import derived, fetcher
from scv.features.fetcher import RESERVED
from scv.fetchers import roles
from scv.fetchers.roles import NEWNESS, OTHER

PHASE = "phase"
THEMES = tuple(sorted({*roles.THEME_OF_FETCHER.values(), *roles.THEME_OF_FEATURE.values()} - {OTHER}))


@functools.cache
def theme_of(column: str) -> str:
    """The theme of a column of a model; a derived one is about what its first input is about. `OTHER` for what nobody
    gave a theme to, such as a fetcher of one's own: a sentence of its own it may have all the same."""
    if column == PHASE:
        return NEWNESS
    name, _, _ = column.partition("__")
    if name == RESERVED:
        one = derived.collect().get(column)
        return theme_of(one.inputs[0]) if one else OTHER
    starts = [start for start in roles.THEME_OF_FEATURE if column.startswith(start)]
    return roles.THEME_OF_FEATURE[max(starts, key=len)] if starts else roles.THEME_OF_FETCHER.get(name, own(name))


def own(name: str) -> str:
    """The theme of a fetcher that we do not know: itself."""
    return name if name in fetcher.collect() else OTHER

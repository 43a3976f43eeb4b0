"""A customer's values as people look at them: by theme, in words, each beside the customer's own habit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scorer.habit import habit_of
from scorer.theme import theme_of
from scv.features import fetcher
from scv.features.catalogue import window_text
from scv.fetchers import roles

LAST = roles.OTHER


def portrait(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Themes in alphabetical order, what is of none at the end: `theme` and its `features`, each with name, doc, unit,
    window, value (None: missing) and `usual`, what the customer's own history makes one expect (None: it cannot say).
    """
    themes: dict[str, list[dict[str, Any]]] = {}
    for name, feature in fetcher.all_features().items():
        if name in values:
            fold, habit = feature.fold, habit_of(name)
            themes.setdefault(theme_of(name), []).append({
                "name": name,
                "doc": fold.doc,
                "unit": fold.unit,
                "window": window_text(feature.window, fold),
                "value": values[name],
                "usual": habit.usual(*(values.get(one) for one in habit.needs)),
            })  # fmt: skip
    order = sorted(themes, key=lambda theme: (theme == LAST, theme))
    return [{"theme": theme, "features": themes[theme]} for theme in order]

"""What to do about a score: by its theme, the customer's phase and how they may be contacted. Data, per language and
country."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scorer.reasons import COMING_BACK
from scv.events.country import Country
from scv.language import load
from scv.targets.target import get as target_named

CHANNELS = ("phone", "email", "post")
"""The best way to reach somebody first."""


def action_of(row: Mapping[str, Any], target: str, country: Country) -> str:
    """A suggestion for somebody on the list; the country's own words before those of its language.

    A target of one's own is neither about leaving nor about coming back: what the country says about it counts alone.
    """
    language, kind = load(country.language), "coming back" if target in COMING_BACK else "leaving"
    theme, phase = row["reason_theme"] or "", row["phase"] or ""
    abouts = (target,) if target_named(target).is_own else (target, kind)
    asked = [f"{what}/{theme}{more}" for what in abouts for more in (f"/{phase}", "")]
    said = next(
        (words[key] for key in (*asked, target) for words in (dict(country.actions), language.actions) if key in words),
        "",
    )
    allowed = (row["channels_allowed"] or "").split(", ")
    by = next((language.words["by"][one] for one in CHANNELS if one in allowed), "")
    return f"{by}: {said}" if by and said else said

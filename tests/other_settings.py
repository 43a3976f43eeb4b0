"""A country with another value of one setting, for whatever must notice a change."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from msgspec.structs import replace

from scv.events.country import Country


def otherwise(where: Country, name: str) -> Country:
    """The country with another value of one setting."""
    value = getattr(where, name)
    words: dict[str, Any] = {"time_zone": "Europe/Berlin", "basis": "recorded", "decimal": ",", "separator": ";"}
    words |= {"consent": "recorded" if where.consent == "not recorded" else "not recorded"}
    if name in words:
        changed: Any = words[name]
    elif isinstance(value, bool):
        changed = not value
    elif isinstance(value, int | float):
        changed = value + 1
    elif isinstance(value, date):
        changed = value + timedelta(1)
    else:
        changed = value[:-1] if isinstance(value, tuple) else f"{value}x"
    return replace(where, **{name: changed})

"""What is published of a family's topic: its JSON Schema."""

from __future__ import annotations

from typing import Any, Union

import msgspec

from scv.events.bound import bounds
from scv.events.event import Watermark, kinds


def schema(family: str) -> dict[str, Any]:
    """The published JSON Schema of one family's topic."""
    found = msgspec.json.schema(Union[(Watermark, *kinds(family))])
    for kind in kinds(family):
        for name, bound in bounds(kind).items():
            found["$defs"][kind.__name__]["properties"][name]["description"] = f"lies {bound.said()}"
    return found

"""What is published of a family's topic: its JSON Schema."""

from __future__ import annotations

from typing import Any, Union

import msgspec

from scv.events.bound import bounds
from scv.events.event import Watermark, kinds

PRODUCED = (
    "A record's key is country:customer_id, its partition murmur2 of the key, as Java's clients have it. Producers of "
    "librdkafka (Python, Go, C#) need partitioner=murmur2_random; docs/producing.md says what others need."
)


def schema(family: str) -> dict[str, Any]:
    """The published JSON Schema of one family's topic."""
    found: dict[str, Any] = {"description": PRODUCED} | msgspec.json.schema(Union[(Watermark, *kinds(family))])
    for kind in kinds(family):
        for name, bound in bounds(kind).items():
            found["$defs"][kind.__name__]["properties"][name]["description"] = f"lies {bound.said()}"
    return found

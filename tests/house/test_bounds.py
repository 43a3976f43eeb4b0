"""Every field of an event says which values it can have: a new one is under test by being there."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from scv.events import event
from scv.events.bound import bounds

KINDS = {event.tag(kind): kind for family in event.FAMILIES for kind in event.kinds(family)}
FIELDS = [(kind, info) for kind, own in KINDS.items() for info in msgspec.inspect.type_info(own).fields]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("kind", "field"), FIELDS, ids=lambda one: getattr(one, "name", one))
def test_a_field_says_its_bound(kind: str, field: Any) -> None:
    """A number its least and greatest, a text its length or its words, a day and a year how far from its event."""
    bound = field.name in bounds(KINDS[kind])
    for one in getattr(field.type, "types", (field.type,)):
        said = {
            "IntType": bound or (getattr(one, "ge", None) is not None and getattr(one, "le", None) is not None),
            "StrType": getattr(one, "max_length", None) or field.name in ("customer_id", "country"),
            "LiteralType": True, "BoolType": True, "NoneType": True, "DateType": bound,
            "DateTimeType": field.name in ("occurred_at", "seen_at"),
        }  # fmt: skip
        assert said[type(one).__name__], f"{kind}.{field.name} has no bound: see scv/events/event.py"

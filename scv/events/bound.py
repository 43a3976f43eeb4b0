"""Which values of a field can be, where that goes by the day on which its event occurred.

Such a bound stands with the field (`Annotated`), and judges each event by itself: in whatever order events arrive,
and at a customer's first one, the same is refused.
"""

from __future__ import annotations

import functools
import typing
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True)
class Days:
    """A date lies at most so many days before, or after, the local day on which its event occurred."""

    back: int
    ahead: int

    def holds(self, value: date, on: date) -> bool:
        return -self.back <= (value - on).days <= self.ahead

    def said(self) -> str:
        return f"at most {self.back:,} days before its event and {self.ahead:,} after it"


@dataclass(frozen=True)
class Years:
    """A year lies at most so many before, or after, the local year in which its event occurred."""

    back: int
    ahead: int

    def holds(self, value: int, on: date) -> bool:
        return -self.back <= value - on.year <= self.ahead

    def said(self) -> str:
        return f"at most {self.back:,} years before its event and {self.ahead:,} after it"


Bound = Days | Years


@functools.cache
def bounds(kind: type[Any]) -> dict[str, Bound]:
    """Field → bound, of the fields of an event's kind that have one."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return {name: found for name, hint in hints.items() if (found := _bound(hint)) is not None}


def _bound(hint: Any) -> Bound | None:
    """The bound in an annotation, or in a part of it (`Annotated[…] | None`)."""
    if isinstance(hint, Bound):
        return hint
    parts = [*typing.get_args(hint), *getattr(hint, "__metadata__", ())]
    return next((found for part in parts if (found := _bound(part)) is not None), None)

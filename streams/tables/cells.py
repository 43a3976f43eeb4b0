"""One cell of a table: what stands in it, and why it cannot be used."""

from __future__ import annotations

import math
import re
from decimal import Decimal

NOTHING = frozenset({"", "nan", "nat", "none", "null", "<na>", "#n/a", "\\n"})
"""What programs write into a cell that is empty."""
_WHOLE = re.compile(r"(-?\d+)\.0+")
_CUT = re.compile(r"-?\d([.,]\d+)?E\+?\d+", re.IGNORECASE)
_TRUTH = {"true": True, "t": True, "yes": True, "y": True, "1": True,
          "false": False, "f": False, "no": False, "n": False, "0": False}  # fmt: skip


class BadCell(Exception):
    """A cell that cannot be used: a `reason` that many rows may share, and the `value` that it is about."""

    def __init__(self, reason: str, value: object = "") -> None:
        super().__init__(reason)
        self.reason, self.value = reason, value


def empty(value: object) -> bool:
    """Does nothing stand there?

    >>> empty(" NaN "), empty(float("nan")), empty(0)
    (True, True, False)
    """
    if isinstance(value, str):
        return value.strip().lower() in NOTHING
    return value is None or (isinstance(value, float | Decimal) and math.isnan(value))


def text(value: object) -> str:
    """A cell as a word, without space around it; a whole number has no fraction.

    >>> text(" paid "), text(3.0), text(True)
    ('paid', '3', 'true')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        return str(int(value))
    return "" if value is None else str(value).strip()


def identifier(value: object) -> str:
    """A cell as an id. A number that lost its type (`12346.0`) gets its digits back. Raises BadCell.

    >>> identifier("12346.0"), identifier(12346.0), identifier("00111")
    ('12346', '12346', '00111')
    """
    said = text(value)
    if _CUT.fullmatch(said):
        raise BadCell("a spreadsheet has cut off the digits of this id (make the column text)", said)
    whole = _WHOLE.fullmatch(said)
    return whole[1] if whole else said


def truth(value: object) -> bool:
    """Yes or no. Raises BadCell."""
    said = text(value).lower()
    if said not in _TRUTH:
        raise BadCell("neither yes nor no", value)
    return _TRUTH[said]

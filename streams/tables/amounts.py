"""Numbers as people write them: decimal comma or point, thousands marks, currency signs, minus signs of three kinds.

`1,234` is a thousand to one and a little more than one to another. What a mark means is told by the whole column where
one of its values fits only one reading, and asked for otherwise.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from decimal import Decimal

from streams.tables.cells import BadCell

MARKS = (".", ",")
_GROUP = re.compile(r"(?<=\d)[\s'’](?=\d{3}(?!\d))")
"""A thousands mark that is no point and no comma."""
_GROUPED = {mark: re.compile(rf"[1-9]\d{{0,2}}({re.escape(mark)}\d{{2,3}})*{re.escape(mark)}\d{{3}}") for mark in MARKS}
"""Groups of three digits, or of two before the last three as India writes them."""
_CODE = re.compile(r"(?<![A-Za-z])([A-Z]{3})(?![A-Za-z])")


class Amount:
    """The text of a number, taken apart: `digits` with its marks, `negative`, and the `currency` code that it names."""

    def __init__(self, said: str) -> None:
        code = _CODE.search(said)
        self.currency = code[1] if code else ""
        bare = said.replace(self.currency, "", 1) if code else said
        bare = "".join(sign for sign in bare if unicodedata.category(sign) != "Sc").strip().replace("\u2212", "-")
        self.negative = bare.startswith(("-", "(")) or bare.endswith("-")
        if bare.startswith("(") and bare.endswith(")"):
            bare = bare[1:-1]
        self.digits = _GROUP.sub("", bare.strip("-+ \u00a0\u202f"))

    def fits(self) -> dict[str, Decimal]:
        """Decimal mark → what the number is if that is the mark; nothing for what is no number.

        >>> Amount("1.234,50 €").fits(), Amount("1,234").fits(), Amount("12 %").fits()
        ({',': Decimal('1234.50')}, {'.': Decimal('1234'), ',': Decimal('1.234')}, {})
        """
        return {mark: number for mark in MARKS if (number := self._with(mark)) is not None}

    def _with(self, mark: str) -> Decimal | None:
        whole, point, fraction = self.digits.partition(mark)
        other = MARKS[1 - MARKS.index(mark)]
        if not (whole or fraction) or (point and not re.fullmatch(r"\d*", fraction)):
            return None
        if other in whole and not _GROUPED[other].fullmatch(whole):
            return None
        whole = whole.replace(other, "")
        if whole and not re.fullmatch(r"[0-9]+", whole):
            return None
        number = Decimal(f"{whole or '0'}.{fraction or '0'}" if point else whole)
        return -number if self.negative else number


def number(value: object, decimal: str | None, currency: str = "") -> Decimal:
    """A cell as a number. `decimal` is its mark, None where no value needs one; `currency` is the one that is meant.

    Raises BadCell.

    >>> number("(1.234,50)", ","), number(19.99, None)
    (Decimal('-1234.50'), Decimal('19.99'))
    """
    if isinstance(value, bool):
        raise BadCell("no number", value)
    if isinstance(value, int | float | Decimal):
        return Decimal(repr(value) if isinstance(value, float) else value)
    return _said(str(value).strip(), decimal, currency)


@functools.lru_cache(65_536)
def _said(text: str, decimal: str | None, currency: str) -> Decimal:
    amount = Amount(text)
    if currency and amount.currency and amount.currency != currency:
        raise BadCell(f"of another currency than {currency}", text)
    fits = amount.fits()
    if decimal is None and len(set(fits.values())) == 1:
        return next(iter(fits.values()))
    if decimal is None or decimal not in fits:
        raise BadCell("no number" if not fits or decimal is None else f"no number with decimal = {decimal!r}", text)
    return fits[decimal]

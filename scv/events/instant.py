"""The one grammar of instants, in Python and in SQL: files, live events and command lines take the same.

It is RFC 3339, with an offset also as patterns of Java and Python write it (`+0200`, `+02`) and a space for the `T`.
A second may have any number of digits behind its point; the nearest microsecond counts, the later one from the middle.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_LOCAL = r"\d{4}-\d\d-\d\d[Tt ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?"
PATTERN = _LOCAL + r"([Zz]|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)"
LOCAL, _INSTANT = re.compile(_LOCAL, re.ASCII), re.compile(PATTERN, re.ASCII)
"""`LOCAL` lacks its offset only."""


def parse(text: str) -> datetime:
    """The aware instant that a text names, with the offset that it names. Raises ValueError for any other text.

    >>> parse("2017-09-05 10:00:00.0000005+02").isoformat()
    '2017-09-05T10:00:00.000001+02:00'
    """
    read = _INSTANT.fullmatch(text)
    if read is None:
        raise ValueError("not as in 2017-09-05T10:00:00+02:00")
    local = datetime.fromisoformat(f"{text[:10]}T{text[11:19]}")
    digits = (read[2] or ".")[1:8].ljust(7, "0")
    try:
        return local.replace(tzinfo=_zone(read[3])) + timedelta(microseconds=(int(digits) + 5) // 10)
    except OverflowError as error:
        raise ValueError("the calendar ends before") from error


def _zone(offset: str) -> timezone:
    if offset in "Zz":
        return UTC
    minutes = 60 * int(offset[1:3]) + int(offset[3:].removeprefix(":") or 0)
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))


def sql(text: str) -> str:
    """SQL of the microseconds since 1970 of what `parse` takes, null of any other text."""
    whole = f"epoch_us(TRY_CAST(upper({text}) AS TIMESTAMPTZ))"
    half = f"coalesce(regexp_extract({text}, '\\.\\d{{6}}(\\d)', 1) >= '5', false)::INTEGER"  # the cast cuts it off
    return f"CASE WHEN regexp_full_match({text}, '{PATTERN}') THEN {whole} + {half} END"

"""What a customer id may be, and what no text of an event may hold: one rule for records, files, questions and schemas.

Ids are compared byte by byte: `Ann` and `ann` are two customers, and so are the two ways in which Unicode spells `é`.
"""

from __future__ import annotations

import re

LONGEST = 128
"""Bytes of UTF-8; a pattern counts characters, so that this is asked beside it."""
RULE = (
    f"of 1 to {LONGEST} bytes of UTF-8, no control or invisible character, no space at either end, no word for none "
    "(nan, none, null, <NA>)"
)

# Escapes that Python and JSON Schema's readers know alike; those know no \Z and no flag for either case.
_CONTROL = r"\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffe\uffff"
# Soft hyphen, marks and overrides of direction, zero widths, byte order mark: two ids that look the same. The two
# joiners (U+200C, U+200D) are taken: Persian, Indic scripts and families of emoji are spelt with them.
_INVISIBLE = r"\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
_SPACE = r"\u0020\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
_NONE = "[Nn][Aa][Nn]|[Nn][Oo][Nn][Ee]|[Nn][Uu][Ll][Ll]|<[Nn][Aa]>"
_TAKEN = f"[^{_CONTROL}{_INVISIBLE}]"

PLAIN = rf"^[^{_CONTROL}]*(?!\n)$"
"""A text without control characters or ends of lines; `$` alone would take a newline at the end."""
PATTERN = rf"^(?!({_NONE})$)(?![{_SPACE}]){_TAKEN}{{0,{LONGEST - 1}}}[^{_CONTROL}{_INVISIBLE}{_SPACE}](?!\n)$"
"""A customer id but for its bytes. No word by which tables say that there is none: such rows would be one customer."""

_REASONS = (
    (re.compile("^$"), "it is empty"),
    (re.compile(f"^({_NONE})$"), "it is a word for none"),
    (re.compile(rf"^[{_SPACE}]|[{_SPACE}]$"), "it begins or ends with a space"),
    (re.compile(f"[{_CONTROL}{_INVISIBLE}]"), "it holds a control or an invisible character"),
)
_id = re.compile(PATTERN)


def too_long(text: str) -> bool:
    """Has a text more bytes than a customer id may have?"""
    return len(text) > LONGEST // 4 and len(text.encode(errors="replace")) > LONGEST


def sql(column: str) -> str:
    """SQL of whether a text may be a customer id; its patterns have no look-ahead and other escapes."""
    ends = f"[^{_CONTROL}{_INVISIBLE}{_SPACE}]"
    form = re.sub(r"\\u(....)", r"\\x{\1}", f"{ends}({_TAKEN}*{ends})?")
    return (
        f"(regexp_full_match({column}, '{form}') AND NOT regexp_full_match({column}, '{_NONE}') "
        f"AND octet_length(encode({column})) <= {LONGEST})"
    )


def why_not(text: str) -> str:
    """Why a text is no customer id, "" where it is one; never the text itself.

    >>> why_not("anna@example.org"), why_not("anna "), why_not("NaN")
    ('', 'it begins or ends with a space', 'it is a word for none')
    """
    if not text.isprintable() and any("\ud800" <= one <= "\udfff" for one in text):
        return "it is no UTF-8"
    if too_long(text):
        return f"it has more than {LONGEST} bytes"
    if _id.search(text):
        return ""
    return next(why for form, why in _REASONS if form.search(text))

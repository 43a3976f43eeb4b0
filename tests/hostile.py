"""Customer ids that something on the way could take for more than text, and texts that are no customer id."""

from __future__ import annotations

TAKEN = (
    "anna.o'neil+shop@example.org", "=1+1", "=HYPERLINK(A1)", "+4915112345678", "+49 151 12345", "@x", "-d", "--help",
    "a:b", "US:1", "*", "?", "[a]", "[/red]", "[red]x", ":smile:", "{x}", "}{", "'", '"', "'; DROP TABLE x; --", "\\",
    "\\u0041", "%s", "%00", "<script>alert(1)</script>", "&amp;", "\U0001f600", "\U0001f469\u200d\U0001f467", "محمد",
    "\u00e9", "e\u0301", "\U0001f600" * 32, "..", "/etc/passwd", "a b,c;d", "a|b", "$HOME `id`", "_x0041_", "007",
    "1e5", "TRUE", "ann", "ANN", "nan.", "nullable", "#N/A", "\uff1d1", "a\u3000b",
)  # fmt: skip
REFUSED = (
    "", " a", "a ", "\u00a0a", "a\u3000", "a\n", "\na", "a\r\n", "a\tb", "a\x00b", "a\x1fb", "a\x7fb", "a\x85b",
    "a\u2028b", "a\u200bb", "\ufeffa", "a\u202eb", "a\u200f", "a\u00adb", "a\ufffeb", "nan", "NaN", "None", "NONE",
    "null", "<NA>", "<na>", "\u00e9" * 65, "x" * 129, "\U0001f600" * 32 + "x",
)  # fmt: skip

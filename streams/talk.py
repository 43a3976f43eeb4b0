"""Talk goes to stderr; stdout is for data."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """One line for a person."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()

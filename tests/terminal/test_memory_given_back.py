"""What a large batch took goes back to the machine, which every service asks for now and then."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import pytest

from terminal import garbage


def resident() -> float:
    """MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="the C library is glibc's")
def test_what_was_freed_between_what_stays_is_given_back() -> None:
    if not hasattr(ctypes.CDLL(None), "malloc_trim"):
        pytest.skip("not glibc")
    garbage._give_back()
    before = resident()
    pieces = [bytes(2000 + number % 7) for number in range(100_000)]  # small: malloc's, not the machine's own pages
    kept = pieces[:: len(pieces) // 50]
    full = resident()
    del pieces
    garbage._give_back()
    assert full - before > 150 and resident() - before < 0.3 * (full - before) and len(kept) >= 50

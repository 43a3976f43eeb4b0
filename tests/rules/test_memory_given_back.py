"""What a large batch took goes back to the machine once there is nothing to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from streams.memory import Trimmer


def resident() -> float:
    """MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="the C library is glibc's")
def test_what_was_freed_between_what_stays_is_given_back() -> None:
    trimmer = Trimmer(every_s=0.0)
    if not trimmer.rest():
        pytest.skip("not glibc")
    before = resident()
    pieces = [bytes(2000 + number % 7) for number in range(100_000)]  # small: malloc's, not the machine's own pages
    kept = pieces[:: len(pieces) // 50]
    full = resident()
    del pieces
    trimmer.rest()
    assert full - before > 150 and resident() - before < 0.3 * (full - before) and len(kept) >= 50


def test_it_is_asked_now_and_then() -> None:
    assert not Trimmer(every_s=60.0).rest()

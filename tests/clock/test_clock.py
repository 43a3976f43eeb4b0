"""Whatever test asks the wall clock is among those of `make test-clock`."""

from __future__ import annotations

from pathlib import Path

from tests.clock.__main__ import HERE, TESTS

ASKING = ("wall_us()", "wall_country(", "--then-live")


def test_every_test_that_asks_the_wall_clock_is_run_at_awkward_instants() -> None:
    folders = [HERE.parent / name for name in TESTS]
    assert all(one.exists() for one in folders)
    asking = [
        path
        for path in HERE.parent.rglob("test_*.py")
        if path != Path(__file__) and any(word in path.read_text(encoding="utf-8") for word in ASKING)
    ]
    missed = [str(path) for path in asking if not any(one in (path, *path.parents) for one in folders)]
    assert len(asking) > 5 and missed == []

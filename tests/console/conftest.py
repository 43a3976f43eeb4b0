"""A home without data, and a console on it whose processes only say what real ones would."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scv.settings import Settings
from tests.console.desk import NOWHERE, Desk, child, desk


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=str(tmp_path / "home"), store=NOWHERE)


@pytest.fixture
def console(settings: Settings) -> Iterator[Desk]:
    with desk(settings, child(), lambda: {"version": "0"}) as opened:
        yield opened

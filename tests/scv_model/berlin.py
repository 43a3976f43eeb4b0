"""A small country whose log is complete to a month before a reference, and what the tests of its snapshots share."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path

import duckdb
import msgspec
import pytest

from proof.naive import world
from scv.events import country
from scv.features import fetcher
from scv.leftover import FOLDER_DRAFT
from scv.offline import fetch as fetching
from scv.offline.fetch import Job
from scv.settings import Settings

BERLIN = world.country("Europe/Berlin")
REFERENCE = world.local(date(2017, 3, 7), BERLIN)
EARLY, LATE = world.local(date(2017, 2, 7), BERLIN), world.local(date(2017, 3, 21), BERLIN)


def hashes(root: Path) -> dict[str, str]:
    """Every file below a folder, drafts excepted → sha256."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and FOLDER_DRAFT not in str(path)
    }


def failing(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    fold = fetching.fold

    def broken(connection: duckdb.DuckDBPyConnection, job: Job, chosen: type[fetcher.Fetcher]) -> object:
        if chosen.name in names:
            raise RuntimeError("no orders today")
        return fold(connection, job, chosen)

    monkeypatch.setattr(fetching, "fold", broken)


def write_country(config: Settings, given: country.Country) -> None:
    told = msgspec.json.decode(msgspec.json.encode(given))
    lines = [f"{name} = {json.dumps(value)}" for name, value in told.items() if name not in ("starts_on", "ends_on")]
    lines += [f"starts_on = {given.starts_on}", f"ends_on = {given.ends_on}"]
    (config.countries_path / f"{given.code}.toml").write_text("\n".join(lines), encoding="utf-8")

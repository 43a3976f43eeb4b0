"""Snapshots: whole files, the same bytes again; one failure stops no other; no older definition stays."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from scv.errors import UserError
from scv.events import country
from scv.offline import snapshot
from scv.settings import Settings

AT = datetime(2017, 9, 4, 22, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=str(tmp_path))


def test_the_same_lake_version_gives_the_same_bytes_and_an_empty_country_an_empty_table(settings: Settings) -> None:
    place = country.load("ZZ")
    first, again = (snapshot.fetch(settings, {place: [AT]}, workers=2) for _ in range(2))
    assert not any(one.error or one.rows[AT] for one in first)
    assert {one.job.fetcher: one.files for one in first} == {one.job.fetcher: one.files for one in again}
    assert not list(settings.snapshots_path.rglob(".*"))


def test_a_failing_fetcher_stops_no_other_and_leaves_no_manifest(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, fold = country.load("ZZ"), snapshot.fold

    def broken(job: snapshot.Job) -> object:
        if job.fetcher == "orders":
            raise RuntimeError("no orders today")
        return fold(job)

    monkeypatch.setattr(snapshot, "fold", broken)
    done = snapshot.fetch(settings, {place: [AT]}, workers=3)
    assert {one.job.fetcher for one in done if one.error} == {"orders"}
    assert snapshot.path_of(settings.snapshots_path, "mail", place, AT).exists()
    with pytest.raises(UserError, match="cerebro fetch ZZ"):
        snapshot.read(settings.snapshots_path, place, AT)


def test_files_of_an_older_definition_are_removed(settings: Settings) -> None:
    place, root = country.load("ZZ"), settings.snapshots_path
    snapshot.fetch(settings, {place: [AT]})
    path = snapshot.manifest_path(root, place, AT)
    old = msgspec.json.decode(path.read_bytes(), type=snapshot.Manifest)
    old.fingerprints["mail"] = "00000000"
    path.write_bytes(msgspec.json.encode(old))
    assert snapshot.drop_stale(root, place) == 1
    assert not path.exists() and not snapshot.path_of(root, "mail", place, AT).exists()
    assert snapshot.path_of(root, "orders", place, AT).exists()

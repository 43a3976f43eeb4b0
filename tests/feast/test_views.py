"""What Feast knows of us follows from the fetchers, and from nothing else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import typeguard
from feast import FeatureStore, FeatureView
from feast.repo_operations import get_repo_files
from feast.types import Float64, Int64, String

from feature_repo.feast_store import apply
from feature_repo.home import REPO, settings
from feature_repo.views import catalogue
from scv.features.fetcher import collect
from scv.settings import Settings
from tests.feast.served import Served

DTYPES = {"int": Int64, "float": Float64, "str": String}


def test_feast_starts_without_its_checks_and_nobody_else_does() -> None:
    assert "check_argument_types_internal" not in FeatureView.__init__.__code__.co_names

    def double(n: int) -> int:
        return n + n

    assert "check_argument_types_internal" in typeguard.typechecked(double).__code__.co_names


def test_there_is_one_view_per_fetcher_with_exactly_its_features(store: FeatureStore) -> None:
    views = {view.name: view for view in store.list_feature_views()}
    assert sorted(views) == sorted(collect())
    for name, chosen in collect().items():
        schema = {field.name: field.dtype for field in views[name].features}
        assert schema == {feature.name: DTYPES[feature.dtype] for feature in chosen.features}
        assert [field.name for field in views[name].entity_columns] == ["country", "customer_id"]


def test_a_view_says_what_it_computes(store: FeatureStore) -> None:
    for view in store.list_feature_views():
        chosen = collect()[view.name]
        assert view.tags == {"fingerprint": chosen.fingerprint(), "doc": chosen.doc, "family": chosen.family}
        assert view.ttl == timedelta(days=8)
        assert {field.name: field.tags["fingerprint"] for field in view.features} == {
            feature.name: feature.fingerprint for feature in chosen.features
        }


def test_one_service_has_every_feature(store: FeatureStore) -> None:
    service = store.get_feature_service("scv")
    named = {f"{one.name}__{field.name}" for one in service.feature_view_projections for field in one.features}
    assert named == {feature.full_name for chosen in collect().values() for feature in chosen.features}


def test_the_registry_holds_no_code(live: Served) -> None:
    names = [path.name for path in live.settings.home_path.glob("registry.db*")]
    assert names == ["registry.db"]
    stored = (live.settings.home_path / "registry.db").read_bytes()
    assert b"dill" not in stored
    assert b"user_defined_function" not in stored


def test_definitions_is_the_one_file_that_feast_scans() -> None:
    assert [path.name for path in get_repo_files(REPO)] == ["definitions.py"]


def test_definitions_has_every_object_as_a_module_attribute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path))
    from feature_repo import definitions

    found = {one.name for one in vars(definitions).values() if isinstance(one, FeatureView)}
    assert found == set(collect())
    assert set(catalogue(settings())) <= set(vars(definitions))


def test_applying_again_changes_nothing(live: Served) -> None:
    def registered() -> list[tuple[FeatureView, int | None]]:
        views = sorted(apply(live.settings).list_feature_views(), key=lambda view: view.name)
        return [(view, view.current_version_number) for view in views]

    assert registered() == registered()


def test_a_view_without_fetcher_is_removed(tmp_path: Path, valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Settings(home=str(tmp_path), store=valkey_url)
    apply(mine)
    kept = {name: one for name, one in collect().items() if name != "mail"}
    monkeypatch.setattr("scv.features.fetcher.collect", lambda: kept)
    assert sorted(view.name for view in apply(mine).list_feature_views()) == sorted(kept)


def test_home_is_found_from_the_project_and_from_this_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CEREBRO_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert settings().home_path == tmp_path / "var"
    monkeypatch.setattr("feature_repo.home._STARTED_IN", REPO.parent)
    monkeypatch.chdir(REPO)  # `feast apply` does this
    assert settings().home_path == REPO.parent / "var"
    monkeypatch.setenv("CEREBRO_HOME", str(tmp_path))
    assert settings().home_path == tmp_path

"""Opening Feast in process, with given settings; the same configuration as feature_store.yaml."""

from __future__ import annotations

from typing import Any

import yaml
from feast import FeatureStore, RepoConfig

from feature_repo.home import REPO
from feature_repo.views import catalogue
from scv.settings import Settings


def open_store(settings: Settings) -> FeatureStore:
    """Feast over this home and this store, independent of environment and working directory."""
    raw: dict[str, Any] = yaml.safe_load((REPO / "feature_store.yaml").read_text(encoding="utf-8"))
    raw["registry"]["path"] = str(settings.home_path / raw["registry"]["path"])
    raw["online_store"]["settings"] = settings
    raw["offline_store"]["settings"] = settings
    raw["batch_engine"]["settings"] = settings
    return FeatureStore(config=RepoConfig(**raw, repo_path=REPO))


def apply(settings: Settings) -> FeatureStore:
    """Bring the registry in line with the fetchers, as `feast apply` does; again changes nothing.

    Views of fetchers that no longer exist are removed.
    """
    store = open_store(settings)
    objects = list(catalogue(settings).values())
    names = {one.name for one in objects}
    gone = [one for one in store.list_feature_views() if one.name not in names]
    store.apply(objects, objects_to_delete=gone, partial=False)
    return store

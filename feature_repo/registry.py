"""Where Feast's registry lies: one file in CEREBRO_HOME, replaced whole."""

from __future__ import annotations

from pathlib import Path

from feast import FeatureViewState
from feast.infra.registry.file import FileRegistryStore
from feast.protos.feast.core.Registry_pb2 import Registry
from feast.repo_config import RegistryConfig

from feature_repo.home import settings
from scv import atomic


class HomeRegistryStore(FileRegistryStore):
    """Feast's file registry with three repairs.

    A relative path lies in CEREBRO_HOME, whatever the working directory. A reader sees an old whole file or a new
    whole file (Feast truncates and writes in place). A view that is being materialized stays served: its rows are
    read while they are rebuilt, but Feast would refuse it in every other process.
    """

    def __init__(self, registry_config: RegistryConfig, repo_path: Path | None) -> None:
        path = Path(registry_config.path)
        super().__init__(registry_config, repo_path or Path())
        self._filepath = path if path.is_absolute() else settings().home_path / path

    def _write_registry(self, registry_proto: Registry) -> None:
        stored = Registry()
        stored.CopyFrom(registry_proto)
        for view in stored.feature_views:
            if view.meta.state == FeatureViewState.MATERIALIZING:
                view.meta.state = FeatureViewState.AVAILABLE_ONLINE
        path = self._filepath
        path.parent.mkdir(parents=True, exist_ok=True)
        self._filepath = atomic.beside(path)
        try:
            super()._write_registry(stored)
            registry_proto.version_id = stored.version_id
            registry_proto.last_updated.CopyFrom(stored.last_updated)
            self._filepath.replace(path)
        finally:
            self._filepath.unlink(missing_ok=True)
            self._filepath = path

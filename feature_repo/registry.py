"""Where Feast's registry lies: one file in CEREBRO_HOME, replaced whole."""

from __future__ import annotations

import uuid
from pathlib import Path

from feast import FeatureViewState
from feast.infra.registry.file import FileRegistryStore
from feast.protos.feast.core.Registry_pb2 import Registry
from feast.repo_config import RegistryConfig
from google.protobuf.message import DecodeError

from feature_repo.home import settings
from scv import atomic
from scv.errors import Damaged
from scv.events.clock import wall_us


class HomeRegistryStore(FileRegistryStore):
    """Feast's file registry with three repairs.

    A relative path lies in CEREBRO_HOME, whatever the working directory. A reader sees an old whole file or a new
    whole file (Feast truncates and writes in place, and what a full disk takes half of, it takes for written). A view
    that is being materialized stays served: its rows are read while they are rebuilt, but Feast would refuse it in
    every other process.
    """

    def __init__(self, registry_config: RegistryConfig, repo_path: Path | None) -> None:
        path = Path(registry_config.path)
        super().__init__(registry_config, repo_path or Path())
        self._filepath = path if path.is_absolute() else settings().home_path / path

    def get_registry_proto(self) -> Registry:
        """Raises Damaged for a file that is no registry."""
        try:
            return super().get_registry_proto()
        except DecodeError as error:
            raise Damaged(
                f"{self._filepath} is not what was written ({error}). It holds nothing but definitions: remove it, and "
                "`feast -c feature_repo apply`, or the next `cerebro train`, writes it anew."
            ) from error

    def _write_registry(self, registry_proto: Registry) -> None:
        stored = Registry()
        stored.CopyFrom(registry_proto)
        for view in stored.feature_views:
            if view.meta.state == FeatureViewState.MATERIALIZING:
                view.meta.state = FeatureViewState.AVAILABLE_ONLINE
        stored.version_id = str(uuid.uuid4())
        stored.last_updated.FromMicroseconds(wall_us())
        atomic.write(self._filepath, stored.SerializeToString())
        registry_proto.version_id = stored.version_id
        registry_proto.last_updated.CopyFrom(stored.last_updated)

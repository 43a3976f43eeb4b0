"""The registry's file is whole or the old one, and one that is neither is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from feast.protos.feast.core.Registry_pb2 import Registry
from feast.repo_config import RegistryConfig

from feature_repo.registry import HomeRegistryStore
from scv.errors import Damaged, NoRoom
from tests.disks import fill, small_disk


def of(path: Path) -> HomeRegistryStore:
    return HomeRegistryStore(RegistryConfig(path=str(path)), path.parent)


def large(version: str) -> Registry:
    made = Registry(registry_schema_version=version)
    made.project_metadata.add(project="x" * 60_000)
    return made


@pytest.mark.real
def test_a_full_disk_leaves_the_old_one(tmp_path: Path) -> None:
    """A raw write to a disk with little room writes a part and says so in a number that Feast does not look at."""
    with small_disk(tmp_path / "disk", 400) as disk:
        store = of(disk / "registry.db")
        store.update_registry_proto(large("1"))
        filler = fill(disk, 20)
        with pytest.raises(NoRoom):
            store.update_registry_proto(large("2"))
        assert store.get_registry_proto().registry_schema_version == "1"
        filler.unlink()
        store.update_registry_proto(large("2"))
        assert store.get_registry_proto().registry_schema_version == "2"
        assert [path.name for path in disk.iterdir() if path.is_file()] == ["registry.db"]


def test_a_file_that_is_no_registry_is_told(tmp_path: Path) -> None:
    store = of(tmp_path / "registry.db")
    store.update_registry_proto(large("1"))
    whole = (tmp_path / "registry.db").read_bytes()
    (tmp_path / "registry.db").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Damaged, match="remove it, and `feast -c feature_repo apply`"):
        store.get_registry_proto()
    (tmp_path / "registry.db").unlink()
    store.update_registry_proto(large("1"))
    assert store.get_registry_proto().registry_schema_version == "1"

"""How full the disk is that holds CEREBRO_HOME, and what the lake takes of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from scv.settings import Settings
from telemetry.sample import Sample


def disk(settings: Settings) -> Iterator[Sample]:
    """Free and all bytes of the disk; files and bytes by family of the lake, old versions included."""
    settings.home_path.mkdir(parents=True, exist_ok=True)
    found = os.statvfs(settings.home_path)
    yield Sample("cerebro_disk_free_bytes", (), found.f_bavail * found.f_frsize)
    yield Sample("cerebro_disk_size_bytes", (), found.f_blocks * found.f_frsize)
    for table in sorted(settings.lake_path.glob("*/_delta_log")):
        sizes = [_size(path) for path in table.parent.rglob("*.parquet") if table not in path.parents]
        yield Sample("cerebro_lake_files", (table.parent.name,), len(sizes))
        yield Sample("cerebro_lake_bytes", (table.parent.name,), sum(sizes))


def _size(path: Path) -> int:
    """0 for a file that went this very moment: tables are swept while they are counted."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0

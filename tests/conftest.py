"""In which order the files of a run in several processes are begun; and nobody tells metrics unless a test asks."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from local import authority

os.environ.setdefault("CEREBRO_METRICS", "0")  # many tests at once run what has one port on a machine

LONG = (
    "flow/test_end_to_end", "flow/test_contributing", "parity/test_known_then_training", "streams/test_no_loss",
    "streams/test_rebuild", "streams/test_wrong_times", "flow/test_parity_command", "parity/test_folds",
    "scv_model/test_snapshot", "streams/test_online", "flow/test_parity_causes", "simulator/test_sink_lake",
    "streams/test_epoch", "trainer/test_train", "streams/test_full_disk", "feast/test_command_line",
    "house/test_services_run", "faults/test_faults", "flow/test_readme", "flow/test_readme_live", "bench/test_quick",
    "streams/test_failover", "services/test_cluster",
)  # fmt: skip
"""Few tests, and half a minute or a quarter: begun last, as files of few tests are, they would run alone at the end."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        count = Counter(item.path for item in items)
        last = {item.path for item in items if not item.path.as_posix().removesuffix(".py").endswith(LONG)}
        items.sort(key=lambda item: (item.path in last, -count[item.path]))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What closes a scorer or a console, and opens it to whoever tests it."""
    folder = tmp_path_factory.mktemp("home") / "keys"
    assert authority.make(folder)
    return folder


@pytest.fixture
def own(keys: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(keys, tmp_path / "keys"))

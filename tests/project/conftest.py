"""A project, made once a file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.project.shop import Project, init


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return init(tmp_path_factory.mktemp("at") / "shop")


@pytest.fixture
def project(made: Project, tmp_path: Path) -> Project:
    """One to be broken."""
    shutil.copytree(made.folder, tmp_path / "shop", ignore=shutil.ignore_patterns("__pycache__"))
    return Project(tmp_path / "shop")

"""The project's own source files, as pyproject.toml lists its packages: what house rules walk over."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES: tuple[str, ...] = tuple(PROJECT["tool"]["importlinter"]["root_packages"])
EXAMPLES = ROOT / "local" / "project" / "files"
"""What `cerebro init` copies: a user's own files from then on."""
_FOUND = [ROOT / "cli.py", *(path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))]
FILES = [path for path in _FOUND if EXAMPLES not in path.parents]
WRITTEN = [path for path in FILES if not path.stem.endswith(("_pb2", "_pb2_grpc"))]
"""All but the generated ones."""


def tree(path: Path) -> ast.Module:
    """A file's syntax."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def name(path: Path) -> str:
    """A file as people write it: from the project's root."""
    return str(path.relative_to(ROOT))

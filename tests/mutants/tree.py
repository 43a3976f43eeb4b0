"""A copy of the source in which one fault stands at a time."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from scv.errors import UserError
from tests.mutants.mutant import ROOT, Mutant


class Tree:
    """A folder of sources."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def copy(cls, folder: Path) -> Tree:
        """Everything that git knows of or would take up, as it stands in the working tree. Raises UserError."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if listed.returncode:
            raise UserError(f"{ROOT} is no git repository: `make mutants` needs one to know what to copy.")
        for name in sorted(set(listed.stdout.split("\0")) - {""}):
            source, target = ROOT / name, folder / name
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
        return cls(folder)

    @contextlib.contextmanager
    def faulty(self, mutant: Mutant | None) -> Iterator[None]:
        """With the fault in its place (None: without any), and as it was again afterwards."""
        if mutant is None:
            yield
            return
        path = self.folder / mutant.file
        right = path.read_text(encoding="utf-8")
        path.write_text(mutant.apply(right), encoding="utf-8")
        try:
            yield
        finally:
            path.write_text(right, encoding="utf-8")

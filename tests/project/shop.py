"""A project in a folder of its own, and commands that run in it as a user types them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.flow.session import clean_environment
from tests.sources import ROOT

CLI = str(ROOT / "cli.py")


@dataclass(frozen=True)
class Project:
    """What `cerebro init` made."""

    folder: Path

    def run(
        self, *words: str, code: int = 0, cwd: Path | None = None, more: Mapping[str, str] = {}
    ) -> subprocess.CompletedProcess[str]:
        """`cerebro WORDS` in the project (or elsewhere); it must end with `code`, and never as a bug."""
        return self._python([CLI, *words], code, cwd, more)

    def python(self, script: str, code: int = 0) -> str:
        """What a script says that runs in the project."""
        return self._python(["-c", script], code, None, {}).stdout

    def _python(
        self, words: list[str], code: int, cwd: Path | None, more: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        environment = clean_environment({"CEREBRO_METRICS": "0", "PYTHONPATH": str(ROOT), **more})
        done = subprocess.run(
            [sys.executable, *words], cwd=cwd or self.folder, env=environment, capture_output=True, text=True,
            timeout=300, check=False,
        )  # fmt: skip
        said = f"{words}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        assert done.returncode == code and "This is a bug" not in done.stderr, said
        return done

    def write(self, path: str, text: str) -> Path:
        """A file of the project."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target


def init(folder: Path) -> Project:
    """A fresh project in a folder that is not there yet."""
    made = Project(folder)
    made.run("init", str(folder), cwd=folder.parent)
    return made

"""Whole files: drafts have names that nobody else takes, and go when their writers were killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from scv import atomic


def test_two_writers_of_one_number_do_not_meet(tmp_path: Path) -> None:
    """Containers on one volume number their processes alike."""
    path = tmp_path / "file.json"
    drafts = {atomic.beside(path) for _ in range(100)}
    assert len(drafts) == 100
    assert {one.parent for one in drafts} == {tmp_path}


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    atomic.write(path, b"old")
    killed = "import os; Path.replace = lambda *_: os._exit(9); atomic.write(Path(sys.argv[1]), b'new')"
    code = f"import sys; from pathlib import Path; from scv import atomic; {killed}"
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 9
    assert len(list(tmp_path.iterdir())) == 2 and path.read_bytes() == b"old"
    atomic.beside(tmp_path / "folder").mkdir()
    atomic.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [path]
    atomic.sweep(tmp_path / "nowhere")
    atomic.sweep(path)

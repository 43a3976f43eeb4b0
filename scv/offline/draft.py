"""A folder for files that are not published yet."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scv.atomic import alone
from scv.errors import UserError

DRAFT = ".draft-"


@contextlib.contextmanager
def draft(root: Path) -> Iterator[Path]:
    """A folder to write files into before they are published. What a killed fetch left of its own goes."""
    root.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        with alone(root):
            for left in root.glob(f"{DRAFT}*"):
                with contextlib.suppress(UserError), alone(left, busy="of a fetch that goes on"):
                    shutil.rmtree(left, ignore_errors=True)
            folder = Path(tempfile.mkdtemp(prefix=DRAFT, dir=root))
            held.enter_context(alone(folder))
        held.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder

"""Making a project: a copy of files/ under a name of one's own, and Feast's two files beside it."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from scv import atomic, machine
from scv.errors import UserError

FILES = Path(__file__).with_name("files")
FEAST = Path(__file__).parents[2] / "feature_repo"
NAME, VERSION = "myshop", "0.1.0"
"""What stands in files/ for the project's name and our release."""
HIDDEN = {"env.example": ".env.example", "gitignore": ".gitignore", "dockerignore": ".dockerignore"}
"""Files that a tool would take for its own if they lay here under their names."""


def make(folder: Path) -> list[Path]:
    """Write a project into a folder that is empty or not there; the files, from the folder.

    Raises UserError for one that holds anything, and for a name that no project can have; BadPlace and NoRoom.
    """
    whole = folder.expanduser().resolve()
    name = name_of(whole)
    _refuse_full(whole)
    written = []
    for path, body in sorted(_files(name).items()):
        atomic.write(whole / path, body)
        written.append(path)
    return written


def name_of(folder: Path) -> str:
    """The project's name: that of its folder in letters that Docker takes. Raises UserError.

    >>> name_of(Path("/srv/My Shop"))
    'my-shop'
    """
    found = re.sub(r"[^a-z0-9_-]+", "-", folder.name.lower()).strip("-_")
    if not found:
        raise UserError(f"{folder} gives a project no name: call its folder something with letters or digits.")
    return found


def _refuse_full(folder: Path) -> None:
    with machine.at(folder):
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder} is a file. Name a folder that is new or empty.")
        held = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    if held:
        more = f" and {len(held) - 3} more" if len(held) > 3 else ""
        raise UserError(
            f"{folder} is not empty: it holds {', '.join(held[:3])}{more}. Name a folder that is new or empty; nothing "
            "was written."
        )


def _files(name: str) -> dict[Path, bytes]:
    sources = [path for path in FILES.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    places = {path: path.relative_to(FILES) for path in sources}
    found = {place.with_name(HIDDEN.get(place.name, place.name)): path for path, place in places.items()}
    found |= {Path(FEAST.name) / one: FEAST / one for one in ("feature_store.yaml", "definitions.py")}
    said = {path: source.read_text(encoding="utf-8") for path, source in found.items()}
    return {path: text.replace(NAME, name).replace(VERSION, _release()).encode() for path, text in said.items()}


def _release() -> str:
    try:
        return metadata.version("cerebro")
    except metadata.PackageNotFoundError:  # a checkout that is not installed
        return VERSION

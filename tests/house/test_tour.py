"""docs/tour.md and CONTRIBUTING.md name places in the code: every link leads somewhere, every name is defined there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.sources import ROOT, tree

PAGES = [ROOT / "docs/tour.md", ROOT / "CONTRIBUTING.md"]
LINK = re.compile(r"\[[^\]]+\]\(([^)#:]+)\)")
NAMED = re.compile(r"((?:`\w+`(?:, | and )?)+)\s+in\s+\[[^\]]+\]\(([^)#:]+\.py)\)")


def defined(path: Path) -> set[str]:
    """Every function, method and class of a file."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.walk(tree(path)) if isinstance(node, kinds)}


def named(page: Path) -> list[tuple[str, Path]]:
    """The (name, file) pairs of a page: "`name` in [file](link)"."""
    text = page.read_text(encoding="utf-8")
    return [
        (name, (page.parent / link).resolve())
        for names, link in NAMED.findall(text)
        for name in re.findall(r"`(\w+)`", names)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert links and [link for link in links if not (page.parent / link).exists()] == []


def test_every_name_on_the_tour_is_defined_where_it_says() -> None:
    places = named(PAGES[0])
    assert len(places) >= 20
    assert [f"{name} in {path.name}" for name, path in places if name not in defined(path)] == []


def test_the_tour_visits_every_room_of_the_domain() -> None:
    """A new room of scv is shown to newcomers, or it is no room."""
    text = PAGES[0].read_text(encoding="utf-8")
    rooms = [path.parent.name for path in sorted((ROOT / "scv").glob("*/__init__.py"))]
    assert rooms and [room for room in rooms if f"scv/{room}" not in text] == []

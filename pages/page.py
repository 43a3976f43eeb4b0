"""One HTML page from blocks of text, tables and pictures. Everything is escaped, and nothing is loaded from anywhere.

    page("How right were the lists?", [Text("Of 900 contacts …", "first"), Heading("lapse"), Table(rows, columns)])

The browser itself refuses whatever such a page would load.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from pages import svg

MOST = 520
"""Length of the longest bar, in pixels."""


class Text(NamedTuple):
    """A paragraph."""

    text: str
    tone: Literal["", "first", "quiet", "loud"] = ""


class Heading(NamedTuple):
    """A title within the page; the page's own has level 1."""

    text: str
    level: int = 2


class Table(NamedTuple):
    """Rows of cells under their columns, if those have names. The first column is words, the others numbers, but for
    those that are named in `words`.
    """

    rows: Sequence[Sequence[object]]
    columns: Sequence[str] = ()
    words: Collection[str] = ()

    def right(self, index: int) -> bool:
        """Does a column stand at the right, as numbers do?"""
        return index > 0 and not (self.columns and self.columns[index] in self.words)


class Picture(NamedTuple):
    """A PNG in base64, as `pages.curves.draw` makes it."""

    alt: str
    png: str


class Bars(NamedTuple):
    """A bar for each count, drawn in place; those in `loud` stand out."""

    title: str
    counts: Mapping[str, int]
    loud: Collection[str] = ()

    def length(self, count: int) -> int:
        """In pixels."""
        return max(2, round(MOST * count / max(self.counts.values())))


Block = Text | Heading | Table | Picture | Bars


def page(title: str, blocks: Iterable[Block]) -> str:
    """The whole page; equal blocks give equal text."""
    return _template().render(title=title, blocks=list(blocks))


@cache
def _template() -> Template:
    return environment(Path(__file__).parent).get_template("page.html")


def environment(*folders: Path) -> Environment:
    """Templates of these folders and of ours, escaped by themselves; `blocks.html` shows blocks."""
    loader = FileSystemLoader([*folders, Path(__file__).parent])
    found = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    found.globals["bars"] = svg.bars
    return found

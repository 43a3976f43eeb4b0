"""The pages that a newcomer reads: their code blocks, and every command line in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md", "CONTRIBUTING.md", "docs/wrong-times.md", "docs/feast.md", "docs/producing.md", "docs/access.md",
    "docs/console.md",
)  # fmt: skip
PROGRAMS = ("cerebro", "feast", "make")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)
SPAN = re.compile(r"`([^`\n]+)`")
APART = re.compile(r"\s{2,}| / |[│▼►─┤]|: |:$|;|,? \\$")
"""What ends a command in a picture or a list; two blanks also end it before a comment."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language ('' for none) and its text."""

    language: str
    text: str


@dataclass(frozen=True)
class Line:
    """A command line as a page shows it."""

    page: str
    program: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {self.program} {' '.join(self.words)}"


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str, language: str, under: str = "") -> list[Block]:
    """The blocks of a language, in order; only those of a section when its title is given."""
    found = text(page)
    if under:
        found = found.partition(f"## {under}\n")[2].partition("\n## ")[0]
        assert found, f"{page} has no section {under!r}"
    return [Block(*one) for one in FENCED.findall(found) if one[0] == language]


def command_lines(page: str) -> list[Line]:
    """Every `cerebro …`, `feast …` and `make …`, in blocks and in running text, each once."""
    found = text(page)
    shown = [line for _, block in FENCED.findall(found) for line in block.splitlines()]
    shown += SPAN.findall(FENCED.sub("", found))
    return list(dict.fromkeys(line for one in shown for line in _lines(page, one)))


def _lines(page: str, shown: str) -> Iterator[Line]:
    for part in APART.split(shown):
        bare = part.strip().removesuffix("&").removeprefix(".venv/bin/")
        program, _, rest = bare.partition(" ")
        if program in PROGRAMS and rest:
            yield Line(page, program, tuple(shlex.split(rest, comments=True)))

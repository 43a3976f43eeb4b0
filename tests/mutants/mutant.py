"""A mutant: one small fault that a colleague might make, as data. They stand in `faults/*.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from scv.errors import UserError

ROOT = Path(__file__).parents[2]
FAULTS = Path(__file__).parent / "faults"


class MutantLost(UserError):
    """The text that a mutant changes is not there once: the source was rewritten."""


class Mutant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`old` stands in `file` exactly once and becomes `new`; `rule` is what that breaks, in words.

    `killers` are the tests that should see it (a file, or file::test), asked first.
    """

    name: str
    file: str
    old: str
    new: str
    rule: str
    killers: tuple[str, ...]

    def apply(self, source: str) -> str:
        """The faulty source. Raises MutantLost."""
        found = source.count(self.old)
        if found != 1 or self.old == self.new:
            raise MutantLost(
                f"Mutant {self.name}: its text stands {found} times in {self.file}, not once: {self.old!r}. "
                f"Write the same fault for the source as it is now, in tests/mutants/faults."
            )
        return source.replace(self.old, self.new)


class _Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mutant: list[Mutant]


def load(folder: Path = FAULTS) -> list[Mutant]:
    """Every mutant, page by page."""
    pages = [msgspec.convert(tomllib.loads(path.read_text("utf-8")), _Page) for path in sorted(folder.glob("*.toml"))]
    return [mutant for page in pages for mutant in page.mutant]

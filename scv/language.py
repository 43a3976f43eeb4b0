"""The words that people read in a language: headers of sheets, closed words, actions. Data, one file a language.

Machines read the names on the left in every language; what a person wrote back is read in all of them.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from scv.errors import BadSetting, look_up

FOLDER = Path(__file__).parent / "languages"
DEFAULT = "en"


class Language(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`columns`, `sheets`: name of a column or sheet → its header. `words`: kind of word → name → what is shown.

    `actions`: what to do about a target, or about a theme where somebody is leaving or may come back. `read_me`:
    sentences of that sheet, by what they are about. `themes`: leaving or coming back → theme → its sentence.
    `sentences`: those of the definitions in English → in this language.
    """

    name: str
    columns: Mapping[str, str]
    sheets: Mapping[str, str]
    words: Mapping[str, Mapping[str, str]]
    actions: Mapping[str, str]
    read_me: Mapping[str, str]
    themes: Mapping[str, Mapping[str, str]]
    sentences: Mapping[str, str] = {}

    def shown(self, kind: str, name: str | None) -> str | None:
        """A word of a kind as people of this language read it; one that is not listed stays as it is."""
        return None if name is None else self.words.get(kind, {}).get(name, name)


@functools.cache
def known() -> tuple[str, ...]:
    """The codes of all languages."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@functools.cache
def load(code: str) -> Language:
    """The language of that code. Raises UnknownName."""
    path = FOLDER / f"{look_up('language', code, {one: one for one in known()})}.toml"
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Language)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadSetting(f"Language file {path} cannot be used: {error}") from error


@functools.cache
def column_of(header: str) -> str | None:
    """The name of the column with this header, in whichever language; a machine's name is its own."""
    said = _plain(header)
    for code in known():
        for name, shown in load(code).columns.items():
            if said in (_plain(name), _plain(shown)):
                return name
    return None


@functools.cache
def word_of(kind: str, shown: str) -> str | None:
    """The word of a kind that this is, in whichever language; None for none."""
    said = _plain(shown)
    for code in known():
        for name, text in load(code).words.get(kind, {}).items():
            if said in (_plain(name), _plain(text)):
                return name
    return None


def _plain(text: str) -> str:
    """Without what people change without meaning to: case, spaces, line breaks."""
    return " ".join(text.split()).casefold()

"""Every error Cerebro raises on purpose.

A UserError is the caller's mistake: the command line exits with 2. All others are ours, or the machine's.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

Named = TypeVar("Named")

_LONGEST_NAME = 60


class CerebroError(Exception):
    """Root of the tree; the message says what, where and what to do."""


class UserError(CerebroError):
    """The caller can mend it."""


class BadSetting(UserError):
    """A CEREBRO_… variable, a country file or a definition that cannot be used."""


class UnknownName(UserError):
    """A country, fetcher, feature, target or command that nobody knows, with the nearest known ones."""

    def __init__(self, what: str, name: str, known: Iterable[str], hint: str = "") -> None:
        options = sorted(known)
        short = name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "…"
        near = did_you_mean(short, options)
        listed = ", ".join(options[:12]) + (", …" if len(options) > 12 else "")
        self.told = f"Unknown {what} {short!r}.{near} Known: {listed or 'none'}."
        """Without the hint, which is for whoever has our folders before him."""
        super().__init__(f"{self.told} {hint}".rstrip())


class BadReference(UserError):
    """A date or instant that cannot be read, or that lies after the country's clock."""


class NoSnapshot(UserError):
    """A reference without a snapshot that may be used."""


class NoWeek(UserError):
    """A reference without a published week that may be used."""


class BadPlace(UserError):
    """A folder or file that cannot be used as it is: read-only, not ours, of the wrong kind."""


class BadEvent(CerebroError):
    """One arrival that does not count and is kept in the dead-letter topic.

    `reason` is a short code from a closed set (it labels a counter), the message says the rest.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class BadEvents(UserError):
    """Events from outside of which none was taken. `faults`: every bad field, by JSON pointer, and why."""

    def __init__(self, faults: Iterable[tuple[str, str]]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(f"{pointer or 'The body'}: {why}" for pointer, why in self.faults))


class Busy(CerebroError):
    """So much is on its way already that no more is taken: come again a little later."""


class LogChanged(CerebroError):
    """A topic was recreated or repartitioned since the rows were folded from it: stop and rebuild."""


class StoreUnusable(CerebroError):
    """The online store evicts, was wiped or has unbuilt fetchers: stop and rebuild."""


class LakeConflict(CerebroError):
    """Another writer holds the lake: reload and seek."""


class Unreachable(CerebroError):
    """A broker, store or scorer that does not answer."""


class Stuck(CerebroError):
    """A consumer that no longer moves although there is something to read: start it again."""


class Stopped(CerebroError):
    """Asked to end while it waited for something to begin with."""


class NoRoom(CerebroError):
    """A disk, a limit or the memory is full; later there may be room."""


class Damaged(CerebroError):
    """A file whose bytes are not what was written, or that is gone."""


class StaleBundle(CerebroError):
    """A model whose columns no longer compute what they computed."""


class CorruptBundle(CerebroError):
    """A model whose bytes are not those that were written."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """' Did you mean …?' for the nearest known spelling, or ''.

    >>> did_you_mean("lapsed", ["lapse", "skip"])
    " Did you mean 'lapse'?"
    >>> did_you_mean("zebra", ["lapse", "skip"])
    ''
    """
    folded = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return f" Did you mean {folded[near[0]]!r}?" if near else ""


def expect(what: str, names: Iterable[str], known: Iterable[str], hint: str = "") -> None:
    """Raises UnknownName for the first that nobody knows."""
    options = list(known)
    for name in names:
        if name not in options:
            raise UnknownName(what, name, options, hint)


def look_up(what: str, name: str, known: Mapping[str, Named], hint: str = "") -> Named:
    """What has this name. Raises UnknownName."""
    if name not in known:
        raise UnknownName(what, name, known, hint)
    return known[name]


def named(what: str, pairs: Iterable[tuple[str, Named]]) -> dict[str, Named]:
    """By name; a second one of a name is no replacement. Raises BadSetting.

    >>> named("target", [("lapse", 1), ("skip", 2)])
    {'lapse': 1, 'skip': 2}
    """
    found: dict[str, Named] = {}
    for name, value in pairs:
        if name in found:
            raise BadSetting(f"There are two {what}s `{name}`. Rename one of them.")
        found[name] = value
    return found

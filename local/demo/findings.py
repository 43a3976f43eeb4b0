"""What the demo shows: each finding when it is ready, and all of them once more at the end, in a set order."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

ORDER = (
    "What this is",
    "One household",
    "A household that does nothing",
    "Tuesday's sheet",
    "What the list is worth",
    "Parity",
    "Model quality",
    "Speeds",
    "Recorded cancellations (invented country)",
    "An alert",
    "Now you",
)


Advance = Callable[..., None]
"""Told (done, total) and, if there is more to say, a text."""


@dataclass(frozen=True)
class Finding:
    title: str
    text: str


class Findings:
    """Findings go to stdout, progress to stderr."""

    def __init__(self) -> None:
        self._found: dict[str, Finding] = {}
        self._begun = time.monotonic()
        self._talk = Console(stderr=True)

    @property
    def seconds(self) -> float:
        """Since the demo began."""
        return time.monotonic() - self._begun

    def show(self, title: str, text: str) -> None:
        """Print a finding now and keep it for the end."""
        if title not in ORDER:
            raise ValueError(f"{title!r} has no place in the order")
        self._found[title] = Finding(title, text.rstrip())
        _write(self._found[title])

    def talk(self, text: str) -> None:
        """A line about the work, on stderr."""
        self._talk.print(f"         {text}", style="dim", highlight=False, soft_wrap=True)

    def recap(self) -> None:
        """All findings once more, in order."""
        sys.stdout.write(f"\n{'=' * 100}\nAll of it once more ({self.seconds:.0f} s)\n{'=' * 100}\n")
        for title in ORDER:
            if title in self._found:
                _write(self._found[title])

    @contextmanager
    def step(self, what: str) -> Iterator[Advance]:
        """A progress bar while something is done: it pulses until the work says how far it is."""
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[far]}"), TimeElapsedColumn())
        begun = time.monotonic()
        with Progress(*columns, console=self._talk, transient=True) as progress, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what libraries say to their developers is no news to a newcomer
            task = progress.add_task(what, total=None, far="")
            yield lambda done, total, text="": progress.update(
                task, completed=done, total=total, far=text or f"{done:,}"
            )
        self._talk.print(
            f"{self.seconds:5.0f} s  {what} ({time.monotonic() - begun:.1f} s)", highlight=False, soft_wrap=True
        )


def _write(finding: Finding) -> None:
    sys.stdout.write(f"\n## {finding.title}\n{finding.text}\n")
    sys.stdout.flush()

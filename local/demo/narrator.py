"""The narrator: shows each command line, runs it, and says what it means: at once, and once more at the end."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
import time
from collections.abc import Callable, Sequence
from typing import Any

import click

from scv.errors import CerebroError


class Narrator:
    """Findings go to stdout; command lines, and what they say while they work, to stderr.

    `run` runs one command of `cerebro` in this process, gives its exit code and raises its errors.
    """

    def __init__(self, run: Callable[[Sequence[str]], int]) -> None:
        self._run = run
        self._findings: dict[str, str] = {}
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the demo began."""
        return time.monotonic() - self._begun

    def step(self, what: str) -> None:
        """Say what begins."""
        click.echo(f"{self.seconds:5.0f} s  {click.style(what, bold=True)}", err=True)

    def run(self, line: str, aloud: bool = False) -> str:
        """Show a command line, run it, and give what it wrote to stdout; `aloud`: tell that as well."""
        self.step(f"cerebro {line}")
        with contextlib.redirect_stdout(io.StringIO()) as out:
            code = self._run(shlex.split(line))
        if code:
            raise CerebroError(f"`cerebro {line}` ended with exit code {code}:\n{out.getvalue()}")
        for text in out.getvalue().splitlines() if aloud else ():
            click.secho(f"         {text}", dim=True, err=True)
        return out.getvalue()

    def ask(self, line: str) -> list[Any]:
        """The same for a command that writes JSON, a document on each line."""
        return [json.loads(text) for text in self.run(f"{line} --json").splitlines()]

    def show(self, title: str, *lines: str) -> None:
        """A finding; a newer one of the same title takes its place at the end."""
        self._findings[title] = "\n".join([f"\n## {title}", *lines])
        click.echo(self._findings[title])

    def recap(self) -> None:
        """All findings once more."""
        rule = "=" * 100
        click.echo(f"\n{rule}\nAll of it once more ({self.seconds:.0f} s)\n{rule}")
        click.echo("\n".join(self._findings.values()))

"""Every command line that README and CONTRIBUTING show exists, and parses where it has arguments."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Sequence

import click
import pytest

import cli
from tests.flow.pages import PAGES, PROGRAMS, ROOT, Line, command_lines, text

LINES = [line for page in PAGES for line in command_lines(page)]
LINK = re.compile(r"\]\(([^)#:]+)\)")


def test_lines_are_found_in_blocks_tables_and_text() -> None:
    found = {str(line) for line in LINES}
    assert {
        "README.md: cerebro replay shop.parquet --until 1998-03-31", "README.md: cerebro rebuild",
        "README.md: cerebro consume online", "README.md: make demo KEEP=1", "README.md: feast -c feature_repo apply",
        "CONTRIBUTING.md: cerebro fetch US -d 2017-09-05 --fetcher treats",
        "CONTRIBUTING.md: make test TESTS=tests/parity",
    } <= found  # fmt: skip
    count = Counter(line.program for line in LINES)
    assert min(count[program] for program in PROGRAMS) >= 3


@pytest.mark.parametrize("line", LINES, ids=str)
def test_a_shown_command_line_parses(line: Line) -> None:
    if line.program == "make":
        made(line.words)
    else:
        parsed(group(line.program), line)


def group(program: str) -> click.Group:
    if program == "cerebro":
        return cli.cerebro
    from feast.cli.cli import cli as feast

    assert isinstance(feast, click.Group)
    return feast


def parsed(root: click.Group, line: Line) -> None:
    """As click would before it runs anything. A bare mention need only exist."""
    words, context = list(line.words), click.Context(root)
    command: click.Command = root
    while isinstance(command, click.Group):
        context = command.make_context(command.name or line.program, words, None if command is root else context)
        words = [*context._protected_args, *context.args]
        name, found, words = command.resolve_command(context, words)
        assert found is not None, f"{line}: there is no {name}"
        command = found
    if words:
        command.make_context(command.name, words, context)


def made(words: Sequence[str]) -> None:
    """`make -n` knows the target, and the Makefile reads every variable that is set."""
    done = subprocess.run(["make", "-n", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in (word.partition("=")[0] for word in words if "=" in word):
        assert f"$({name})" in recipe or f"$(if $({name})" in recipe, f"the Makefile does not read {name}"


def test_a_wrong_command_line_would_be_found() -> None:
    for words in (("fetch", "US", "--dat", "2017-09-05"), ("fech", "US"), ("consume", "onlin", "-x")):
        with pytest.raises(click.ClickException):
            parsed(cli.cerebro, Line("README.md", "cerebro", words))
    with pytest.raises(AssertionError):
        made(["dmeo"])


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    assert [target for target in LINK.findall(text(page)) if not ((ROOT / page).parent / target).exists()] == []

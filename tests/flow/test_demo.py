"""The demo's narrator: what runs is what is shown, findings go to stdout, and an error is the command's own."""

from __future__ import annotations

import re
from collections.abc import Sequence

import click
import pytest

from local.demo.narrator import Narrator
from scv.errors import CerebroError, UserError


def run(words: Sequence[str]) -> int:
    if words[0] == "fetch":
        raise UserError("Not like this.")
    click.echo('{"said": ' + str(len(words)) + "}")
    click.echo("talk", err=True)
    return int(words[0] == "parity")


def test_a_command_line_is_shown_and_run(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = Narrator(run)
    assert narrator.run("score US 'a b'", aloud=True) == '{"said": 3}\n'
    shown = capsys.readouterr()
    assert shown.out == "" and re.fullmatch(r" +0 s  cerebro score US 'a b'\ntalk\n +\{\"said\": 3\}\n", shown.err)
    assert narrator.ask("score US 7") == [{"said": 4}]


def test_an_error_is_the_commands_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="Not like this"):
        Narrator(run).run("fetch US")
    with pytest.raises(CerebroError, match=r'(?s)`cerebro parity US` ended with exit code 1:\n.*"said": 2'):
        Narrator(run).run("parity US")
    assert capsys.readouterr().out == ""


def test_findings_come_at_once_and_once_more_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = Narrator(run)
    narrator.show("One", "first")
    narrator.show("Two", "a", "b")
    narrator.show("One", "second")
    assert capsys.readouterr().out == "\n## One\nfirst\n\n## Two\na\nb\n\n## One\nsecond\n"
    narrator.recap()
    assert capsys.readouterr().out.endswith("=\n\n## One\nsecond\n\n## Two\na\nb\n")

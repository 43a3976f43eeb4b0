"""The command line: every command is collected, explains itself and fails with the right exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

import cli
from scv.errors import CerebroError, UserError

ROOT = Path(__file__).parents[2]
NAMES = cli.cerebro.list_commands(click.Context(cli.cerebro))
PROMISED = (
    "catalogue", "consume", "countries", "demo", "export", "feedback", "fetch", "health", "parity", "react", "rebuild",
    "replay", "schemas", "score", "serve", "settings", "simulate", "train", "up", "week",
)  # fmt: skip


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "cli.py"), *arguments]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


def subcommands(name: str) -> list[list[str]]:
    """The command, and each of its own commands when it is a group."""
    context = click.Context(cli.cerebro)
    found = cli.cerebro.get_command(context, name)
    assert found is not None
    own = found.list_commands(context) if isinstance(found, click.Group) else []
    return [[name], *([name, one] for one in own)]


def test_every_promised_command_is_there() -> None:
    assert set(PROMISED) <= set(NAMES)


def test_help_lists_every_command_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    for name in NAMES:
        line = cli.summary(cli.FOLDER / f"{name.replace('-', '_')}.py")
        assert line and f"  {name} " in shown, f"commands/{name}.py has no docstring"


@pytest.mark.parametrize("name", NAMES)
def test_help_of_every_command_has_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for path in subcommands(name):
        assert cli.main([*path, "--help"]) == 0
        shown = capsys.readouterr().out
        assert "Example" in shown and f"cerebro {name}" in shown, f"`cerebro {' '.join(path)} --help` has no example"


def test_a_misspelt_command_is_your_mistake() -> None:
    done = run("setings")
    assert done.returncode == 2
    assert "Did you mean 'settings'?" in done.stderr
    assert done.stdout == ""


def test_a_misspelt_option_is_your_mistake() -> None:
    done = run("settings", "--jsn")
    assert done.returncode == 2
    assert "--json" in done.stderr


def test_a_reader_that_goes_away_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, str(ROOT / "cli.py"), "schemas"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UserError("no such country"), 2, "Error: no such country\n"),
        (CerebroError("the store is gone"), 1, "Error: the store is gone\n"),
        (click.UsageError("which customer?"), 2, "which customer?"),
        (KeyboardInterrupt(), 130, "Interrupted."),
        (ZeroDivisionError("division by zero"), 1, "ZeroDivisionError: division by zero. This is a bug"),
    ],
)
def test_exit_codes(
    error: BaseException, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: list[str]) -> int:
        raise error

    monkeypatch.setattr(cli, "run", fail)
    assert cli.main([]) == code
    shown = capsys.readouterr()
    assert said in shown.err and "Traceback" not in shown.err
    assert shown.out == ""


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(_: list[str]) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "run", fail)
    assert cli.main(["--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(("words", "heard"), [([], False), (["--debug"], True)])
def test_what_libraries_say_to_their_developers_is_no_news(words: list[str], heard: bool) -> None:
    script = f"""if True:
        import cli, warnings
        def run(_):
            warnings.simplefilter("once")
            warnings.warn("old", DeprecationWarning)
            return 0
        cli.run = run
        cli.main({words})"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ("DeprecationWarning: old" in done.stderr) is heard and (heard or done.stderr == "")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def missing(_: str) -> None:
        raise ModuleNotFoundError("No module named 'rich'", name="rich.table")

    monkeypatch.setattr(cli.importlib, "import_module", missing)
    assert cli.main(["settings"]) == 2
    assert "needs the package rich.table" in capsys.readouterr().err

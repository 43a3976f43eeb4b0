"""The command line: every command is collected, explains itself and fails with the right exit code."""

from __future__ import annotations

import errno
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import redis
from confluent_kafka import KafkaError, KafkaException

import cli
from scv import machine
from scv.errors import CerebroError, UserError
from tests import sources
from tests.command_lines import LINES, NAMES, every_command

ROOT = Path(__file__).parents[2]
PROMISED = (
    "catalogue", "consume", "countries", "dead-letters", "demo", "export", "feedback", "fetch", "health", "parity",
    "react", "rebuild", "replay", "schemas", "score", "serve", "settings", "simulate", "train", "up", "week",
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
        said = cli.summary(cli.FOLDER / f"{name.replace('-', '_')}.py")
        assert said and f"  {name} " in shown, f"commands/{name}.py has no docstring"


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


def python(folder: Path, *installed: str) -> list[str]:
    """A Python that has only some packages of this one's."""
    for name in installed:
        origin = importlib.import_module(name).__path__[0]
        (folder / name).symlink_to(origin)
    return [sys.executable, "-S", str(ROOT / "cli.py")]


def test_every_command_has_a_line_for_the_tests_that_go_over_all() -> None:
    without = [one for one in every_command() if not any(f"{line} ".startswith(f"{one} ") for line in LINES)]
    assert not without, f"tests/command_lines.py has no line of {without}"


@pytest.mark.parametrize("line", LINES)
def test_without_a_package_every_command_says_which(line: str, tmp_path: Path) -> None:
    command = [*python(tmp_path, "click"), *line.split()]
    done = subprocess.run(command, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"Error: The package [a-z-]+ is not installed for this Python, .*\.\n", done.stderr), (
        done.stderr
    )
    assert "make setup" in done.stderr or ".venv/bin/cerebro" in done.stderr


@pytest.mark.parametrize("arguments", [[], ["--help"], ["fetch", "US"]])
def test_without_click_it_says_so(arguments: list[str], tmp_path: Path) -> None:
    command = [*python(tmp_path), *arguments]
    done = subprocess.run(command, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: The package click is not installed") and done.stderr.count("\n") == 1


def test_a_missing_part_of_ours_is_a_bug(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def missing(_: list[str]) -> int:
        raise ModuleNotFoundError("No module named 'scv.nothing'", name="scv.nothing")

    monkeypatch.setattr(cli, "run", missing)
    assert cli.main(["settings"]) == 1
    assert "This is a bug" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (errno.ENOSPC, 1, "Error: var/x: no room is left on its disk. Make room"),
        (errno.EDQUOT, 1, "Error: var/x: its disk's quota is used up. Make room"),
        (errno.EROFS, 2, "Error: var/x: its file system is read-only. Mount it writable, or choose another folder"),
        (errno.EACCES, 2, "Error: var/x: this user may not use it. Mend its permissions"),
        (errno.ENOTDIR, 2, "Error: var/x: a file stands where a folder is needed."),
        (errno.EMFILE, 1, "Error: var/x: too many files are open. Raise the limit"),
        (errno.ENOENT, 1, "Error: var/x: it is not there."),
        (errno.ENOTUNIQ, 1, f"Error: var/x: {os.strerror(errno.ENOTUNIQ)}."),
    ],
)
def test_what_the_operating_system_refuses_is_no_bug(
    number: int, code: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: list[str]) -> int:
        raise OSError(number, os.strerror(number), "var/x")

    monkeypatch.setattr(cli, "run", fail)
    assert cli.main([]) == code
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_no_number_of_the_operating_system_is_a_bug(number: int) -> None:
    ours = machine.translate(OSError(number, os.strerror(number), "var/x"))
    assert ours is not None and str(ours).startswith("var/x: ")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (redis.OutOfMemoryError("Command # 1 (HSET row:{US:c14}) of pipeline"), "The store is full (maxmemory)"),
        (redis.ConnectionError("Error 111 connecting to 127.0.0.1:6379"), "The store does not answer."),
        (redis.ResponseError("WRONGTYPE of row:{US:c14}"), "ResponseError. This is a bug"),
        (KafkaException(KafkaError(KafkaError._TRANSPORT)), "The broker is in trouble (it cannot be reached)"),
    ],
)
def test_store_and_broker_are_spoken_of_without_their_clients_words(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: list[str]) -> int:
        raise error

    monkeypatch.setattr(cli, "run", fail)
    assert cli.main([]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith(f"Error: {said}") and "c14" not in shown


def test_json_is_echoed_as_text() -> None:
    """msgspec gives bytes; a caller that captures stdout as text (the demo) takes none."""
    echoed = re.compile(r"click\.echo\(msgspec\.json\..*(?<!\.decode\(\))\)$", re.M)
    product = [path for path in sources.WRITTEN if "tests" not in path.parts]
    assert [sources.name(path) for path in product if echoed.search(path.read_text("utf-8"))] == []

"""The one progress bar: nothing for quick work, a bar on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import pytest

from terminal import bar
from terminal.bar import Bar


class Stderr(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.fixture
def stderr(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], Stderr]:
    """Another stderr, and no patience."""

    def replace(terminal: bool) -> Stderr:
        found = Stderr(terminal)
        monkeypatch.setattr("sys.stderr", found)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "100")
        return found

    monkeypatch.setattr(bar, "SHOW_AFTER_S", 0.02)
    monkeypatch.setattr(bar, "EVERY_S", 0.02)
    return replace


def wait(said: Stderr, words: str) -> None:
    deadline = time.monotonic() + 20
    while words not in said.getvalue():
        assert time.monotonic() < deadline, said.getvalue()
        time.sleep(0.01)


@pytest.mark.parametrize("terminal", [True, False])
def test_it_shows_even_where_nothing_is_told_and_follows_what_is(
    terminal: bool, stderr: Callable[[bool], Stderr]
) -> None:
    said = stderr(terminal)
    with Bar("Reading") as shown:
        wait(said, "Reading")
        shown.at(12, 3000)
        wait(said, "12/3000" if terminal else "Reading: 12 of 3,000")
        shown("Writing", 1, 2)
        wait(said, "Writing")
        shown("Closing", 0, 0)
        wait(said, "Closing" if terminal else "Closing …")
    after = said.getvalue()
    time.sleep(0.1)
    assert said.getvalue() == after, "nothing comes after the end"
    assert terminal is ("\x1b[" in after)


@pytest.mark.parametrize("terminal", [True, False])
def test_quick_work_and_hidden_work_say_nothing(
    terminal: bool, stderr: Callable[[bool], Stderr], monkeypatch: pytest.MonkeyPatch
) -> None:
    said = stderr(terminal)
    with Bar("Hidden", show=False) as shown:
        shown.at(1, 2)
        time.sleep(0.1)
    monkeypatch.setattr(bar, "SHOW_AFTER_S", 60.0)
    monkeypatch.setattr(bar, "EVERY_S", 60.0)
    with pytest.raises(ZeroDivisionError), Bar("Quick") as shown:
        shown.at(1, 2)
        raise ZeroDivisionError
    assert said.getvalue() == ""

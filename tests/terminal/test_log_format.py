"""In JSON every thing that a process says is one object a line; plain it is the sentence alone."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from scv import talk
from scv.talk import Seldom
from terminal.log_format import begin


@pytest.fixture(autouse=True)
def _plain_again() -> Iterator[None]:
    handlers = logging.root.handlers
    yield
    talk.speak()
    logging.root.handlers = handlers


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_everything_said_is_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert begin("json", "lake")
    talk.say("Two\nlines of Ö", "error", records=7)
    seldom = Seldom()
    for _ in range(3):
        seldom("The disk is full.")
    logging.getLogger("somebody").warning("heard %s", "this")
    said = lines(capsys.readouterr().err)
    assert [one["message"] for one in said] == ["Two\nlines of Ö", "The disk is full.", "heard this"]
    assert [one["level"] for one in said] == ["error", "info", "warning"]
    assert said[0]["records"] == 7 and said[2]["logger"] == "somebody"
    assert {one["process"] for one in said} == {"lake"}
    times = [datetime.fromisoformat(one["time"]) for one in said]
    assert times == sorted(times) and abs((datetime.now(UTC) - times[0]).total_seconds()) < 60


def test_the_setting_chooses_and_the_option_wins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not begin(None, "lake")
    talk.say("A sentence.", "warning", records=7)
    assert capsys.readouterr().err == "A sentence.\n"
    monkeypatch.setenv("CEREBRO_LOG_FORMAT", "json")
    assert not begin("plain", "lake")
    assert begin(None, "lake")

"""`cerebro fetch` makes no table of half of what was sent without saying so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import cli
from scv.events import country as countries
from scv.offline.lake import Lake
from scv.settings import Settings
from terminal import completeness
from tests.streams import shop

LATE = "2017-05-20"
"""Before the last events of `shop.log`, and before the watermark of `shop.send`."""
LINE = ["fetch", "US", "-d", LATE, "--fetcher", "mail", "--json"]


@pytest.mark.usefixtures("here", "client")
def test_a_lake_behind_the_log_is_refused(live: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    sent = shop.send(live, shop.log(1, 40), until=None)
    assert cli.main(LINE) == 1
    said = capsys.readouterr()
    assert f"The lake is {sent} offsets behind the log" in said.err and "--anyway" in said.err and said.out == ""
    assert cli.main([*LINE, "--anyway"]) == 0
    shop.consume(live)
    assert cli.main(LINE) == 0, "it has all that there is, though nobody promised that no more comes"
    shop.send(live, shop.log(2, 10))
    shop.consume(live)
    shop.send(live, shop.log(3, 10))
    capsys.readouterr()
    assert cli.main(LINE) == 0, "up to that day it is complete: what is sent later was seen later"
    assert capsys.readouterr().err.count("not known") == 0


@pytest.mark.usefixtures("here", "client")
def test_where_no_broker_answers_the_lake_alone_will_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CEREBRO_BROKER", "127.0.0.1:1")
    assert cli.main(LINE) == 0
    assert "is not known: no broker answers at 127.0.0.1:1." in capsys.readouterr().err
    monkeypatch.delenv("CEREBRO_BROKER")
    assert cli.main(LINE) == 0
    assert "not known" not in capsys.readouterr().err, "nobody named one"


class Log:
    """One whose rest a consumer takes in, step by step."""

    def __init__(self, steps: Iterator[int]) -> None:
        self._steps = steps

    def missing_in(self, _lake: Lake) -> int:
        return next(self._steps)


@pytest.mark.parametrize("comes", ["at work", "starting"])
def test_a_consumer_that_is_coming_is_waited_for(comes: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEREBRO_BROKER", "127.0.0.1:1")
    monkeypatch.setattr("streams.kafka.librdkafka.answers", lambda _: True)
    monkeypatch.setattr("streams.positions.position.logged", lambda _: Log(iter((7, 7, 3, 0))))
    monkeypatch.setattr(completeness, "_at_work", lambda _: comes == "at work")
    monkeypatch.setattr(completeness, "PAUSE_S", 0.0)
    us = countries.load("US")
    completeness.refuse_half(Settings(home=str(tmp_path)), {us: [shop.AT]}, lambda: comes == "starting")

"""A reference after the country's clock is the caller's mistake, wherever a reference can be named."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import click
import msgspec
import pytest

import cli
from rpc.client import ScorerClient, ScorerError
from scorer.live.server import Server
from scv.events import calendar, country
from scv.events.calendar import from_us
from scv.events.clock import wall_us
from scv.events.event import FAMILIES
from scv.offline import lake_version
from scv.settings import Settings
from terminal.arguments import known_clock
from tests.keys import clock_key
from tests.scorer import shop
from tests.scorer.shop import AT, LIVELY, US, Shop

NOWHERE = "redis://127.0.0.1:1/0"
GIVEN = {"codes": ["US"], "code": ["US"], "country": ["US"], "customers": [LIVELY], "customer": [LIVELY]}
"""What the arguments of commands are called, and words for them."""


def dated() -> Iterator[list[str]]:
    """Every command that takes a reference, as typed but for it."""
    for name in cli.cerebro.list_commands(click.Context(cli.cerebro)):
        command = cli.cerebro.get_command(click.Context(cli.cerebro), name)
        assert command is not None
        parts = command.commands.items() if isinstance(command, click.Group) else [("", command)]
        for part, one in parts:
            if any("--date" in option.opts for option in one.params):
                taken = [GIVEN[str(given.name)] for given in one.params if isinstance(given, click.Argument)]
                yield [name, *([part] if part else []), *(word for words in taken for word in words)]


@pytest.fixture(autouse=True)
def environment(live: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEREBRO_HOME", live.settings.home)
    monkeypatch.setenv("CEREBRO_STORE", live.settings.store)
    monkeypatch.setenv("CEREBRO_EXPORTS", str(tmp_path / "exports"))


def test_every_command_with_a_reference_is_under_test() -> None:
    assert {words[0] for words in dated()} >= {"export", "feedback", "fetch", "parity", "score", "train", "week"}


def written(live: Shop) -> list[Path]:
    """All but what an earlier test leaves behind in its own time: the scorer's vectors, and pins."""
    behind = {live.settings.vectors_path, live.settings.lake_path / lake_version.FOLDER}
    return sorted(path for path in live.settings.home_path.rglob("*") if behind.isdisjoint((path, *path.parents)))


@pytest.mark.parametrize("words", list(dated()), ids=" ".join)
@pytest.mark.parametrize("date", ["2030-09-06", "2017-09-05T00:00:00.000001-04:00"])
def test_a_reference_after_the_clock_is_a_mistake(
    words: list[str],
    date: str,
    live: Shop,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CEREBRO_SCORER", server.address)
    before = written(live)
    code = cli.main([*words, "-d", date])
    out, err = capsys.readouterr()
    assert code == 2 and out == ""
    wanted, clock = (at.astimezone(US.zone).isoformat() for at in (calendar.reference(date, US), AT))
    assert f"The reference {wanted} lies after the clock of US, which stands at {clock}" in err
    assert f"-d {date}" not in err  # nobody is told to fetch the future
    assert written(live) == before


def test_the_scorer_refuses_a_later_reference(live: Shop, client: ScorerClient) -> None:
    with pytest.raises(ScorerError, match="lies after the clock of US") as found:
        client.score("US", LIVELY, reference=AT + timedelta(days=3650))
    assert found.value.code == "FAILED_PRECONDITION" and "cerebro fetch" not in str(found.value)
    assert client.score("US", LIVELY, reference=AT).known  # the clock itself is no later than the clock


def test_without_a_store_the_lake_says_what_is_known(
    live: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CEREBRO_STORE", NOWHERE)
    end = AT + timedelta(days=90)  # where the lake's watermarks stand
    assert known_clock(US, msgspec.structs.replace(live.settings, store=NOWHERE)) == end
    assert cli.main(["fetch", "US", "-d", end.isoformat(), "--json"]) == 0
    assert cli.main(["fetch", "US", "-d", (end + timedelta(microseconds=1)).isoformat()]) == 2
    assert "lies after the clock of US" in capsys.readouterr().err


def test_the_newest_record_may_be_an_event(tmp_path: Path, live: Shop) -> None:
    settings = Settings(home=str(tmp_path), store=NOWHERE)
    january, march = (shop.order("1", AT.replace(month=month)) for month in (1, 3))
    Shop(settings, live.client, [january, march]).fill_lake(AT.replace(month=2))
    for family in set(FAMILIES) - {"orders"}:
        shutil.rmtree(settings.lake_path / family)
    assert known_clock(US, settings) == march.seen_at + timedelta(microseconds=1)


def test_a_clock_that_has_not_begun_is_the_lakes(live: Shop) -> None:
    live.client.hdel(clock_key("US"), "front")
    assert known_clock(US, live.settings) == AT + timedelta(days=90)
    live.client.delete(clock_key("US"))
    assert known_clock(US, live.settings) == AT + timedelta(days=90)


def test_of_a_country_without_records_wall_time_is_known(tmp_path: Path, live: Shop) -> None:
    for settings in (live.settings, Settings(home=str(tmp_path), store=NOWHERE)):
        before = from_us(wall_us())
        assert before <= known_clock(country.load("ZZ"), settings) <= from_us(wall_us())

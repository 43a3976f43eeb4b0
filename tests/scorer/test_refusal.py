"""What callers and logs are told of an error: never a folder, a library's words, or another customer."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

import scorer.live.answers  # noqa: F401  # its errors are subclasses too
from rpc.client import ScorerClient, ScorerError
from scorer.live.refusal import LONGEST, CallerErrors
from scorer.live.server import Server
from scv.errors import BadEvent, BadEvents, CerebroError, UnknownName
from tests.scorer.shop import LIVELY, Shop

HOME = "/srv/cerebro/var"
LEAKS = f"No file {HOME}/bundles/US/lapse/champion.json: broken. " + "x" * 10_000


def kinds(root: type[CerebroError] = CerebroError) -> Iterator[type[CerebroError]]:
    yield root
    for one in root.__subclasses__():
        yield from kinds(one)


def made(kind: type[CerebroError]) -> CerebroError:
    if issubclass(kind, UnknownName):
        return kind("country", "Z" * 900_000, ["US", "ZZ"], f"A country is a file XX.toml in {HOME}.")
    if issubclass(kind, BadEvent):
        return kind("wrong type", LEAKS)
    if issubclass(kind, BadEvents):
        return kind([("", LEAKS), ("/0/items", LEAKS)])
    return kind(LEAKS)


@pytest.mark.parametrize("kind", sorted(set(kinds()), key=str), ids=str)
def test_no_error_of_ours_tells_a_caller_our_folders(kind: type[CerebroError]) -> None:
    code, message = CallerErrors().status_of(made(kind))
    assert code.name in ("INVALID_ARGUMENT", "FAILED_PRECONDITION")
    assert HOME not in message and "/" not in message and 10 < len(message) <= LONGEST


@pytest.mark.parametrize("error", [OSError(28, "No space", HOME), ValueError(LEAKS), redis.ResponseError(LEAKS)])
def test_no_other_error_tells_a_caller_anything(error: Exception) -> None:
    code, message = CallerErrors().status_of(error)
    assert code.name in ("INTERNAL", "UNAVAILABLE") and "/" not in message and "xxx" not in message


@pytest.mark.parametrize("country", ["DE", "us", "Z" * 900_000, "../../etc", "\x00", ""])
def test_a_country_of_a_caller_comes_back_short_and_without_our_folders(
    country: str, live: Shop, client: ScorerClient
) -> None:
    with pytest.raises(ScorerError) as found:
        client.score(country, LIVELY)
    said = str(found.value)
    assert found.value.code == "INVALID_ARGUMENT" and "Unknown country" in said
    assert str(live.settings.home_path) not in said and "toml" not in said and len(said) < 600


def test_a_damaged_champion_is_told_without_its_path(live: Shop, client: ScorerClient, server: Server) -> None:
    pointer = Path(live.settings.bundles_path) / "US" / "lapse" / "champion.json"
    body = pointer.read_bytes()
    pointer.write_bytes(b"scrambled")
    try:
        fresh = Server(live.settings, "127.0.0.1:0", insecure=True)
        fresh.start()
        with ScorerClient(fresh.address) as asker, pytest.raises(ScorerError) as found:
            asker.score("US", LIVELY, ["lapse"])
        fresh.stop(0)
    finally:
        pointer.write_bytes(body)
    assert found.value.code == "FAILED_PRECONDITION" and "cerebro train" in str(found.value)
    assert str(live.settings.home_path) not in str(found.value)


def test_the_log_says_a_thing_once_not_once_a_call(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    refusals = CallerErrors()
    for _ in range(100):
        refusals.status_of(redis.ConnectionError("Error 111 while writing to socket row:{US:c14}"))
        refusals.status_of(redis.OutOfMemoryError("Command # 1 (HSET row:{US:c14}) of pipeline"))
        refusals.status_of(CerebroError(f"No file {HOME}"))
    assert len(caplog.records) == 3 and "c14" not in caplog.text
    assert HOME in caplog.text, "the operator is told where"

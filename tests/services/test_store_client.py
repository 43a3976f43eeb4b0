"""The store's client against a real one: commands in one piece, connections that are used in turn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from local.services.valkey import valkey
from scv.online.request import command
from scv.settings import Settings
from store.client import client


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    store = valkey(tmp_path_factory.mktemp("valkey"))
    store.start()
    try:
        with client(Settings(store=store.url)) as found:
            yield found
    finally:
        store.stop()


@pytest.mark.parametrize("word", ["a", "", "über 'x'", "a\r\nb", "*3\r\n$3\r\nDEL", "\U0001f600", "x" * 70_000])
def test_commands_in_one_piece_get_their_answers_in_order(made: Any, word: str) -> None:
    made.hset(f"key:{word}", mapping={word: f"value {word}"})
    asked = command("HMGET", f"key:{word}", word, "other") + command("GET", "nobody")
    asked += command("HGETALL", f"key:{word}")
    value = f"value {word}".encode()
    assert made.exchange(asked, 3) == [[value, None], None, [word.encode(), value]]


def test_an_answer_that_is_an_error_is_raised_and_spoils_nothing(made: Any) -> None:
    made.set("text", "x")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        made.exchange(command("GET", "text") + command("HGETALL", "text") + command("GET", "text"), 3)
    assert made.exchange(command("GET", "text"), 1) == [b"x"]


def test_connections_are_opened_at_once_and_used_in_turn(made: Any) -> None:
    made.open(5)
    before = {one["id"] for one in made.client_list()}
    assert len(before) >= 5
    served = [made.client_id() for _ in range(10)]
    assert len(set(served[:5])) == 5 and served[:5] == served[5:]
    assert {one["id"] for one in made.client_list()} == before


def test_a_connection_that_the_store_closed_is_opened_anew(made: Any) -> None:
    made.open(3)
    for one in made.client_list():
        if one["id"] != made.client_id():
            made.client_kill_filter(_id=one["id"], skipme=True)
    for _ in range(6):
        assert made.exchange(command("PING"), 1) == [b"PONG"]


def test_a_round_trip_is_counted(made: Any) -> None:
    before = made.round_trips
    made.exchange(command("PING") * 7, 7)
    assert made.round_trips == before + 1

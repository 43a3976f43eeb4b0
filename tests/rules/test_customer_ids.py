"""What a customer id or a country code may be, to the last character."""

from __future__ import annotations

import json

import msgspec
import pytest

from scorer.live.servicer import CUSTOMER
from scv.events import event

GOOD = {"kind": "resumed", "id": "1", "country": "ZZ", "customer_id": "c.1_-Z"}
TIMES = {"occurred_at": "2017-01-01T00:00:00Z", "seen_at": "2017-01-01T00:00:00Z"}


def decoded(**changed: str) -> object:
    return event.decoder("subscription").decode(json.dumps(GOOD | TIMES | changed))


def test_a_good_one_is_taken() -> None:
    assert isinstance(decoded(), event.Resumed)


@pytest.mark.parametrize("name", ["customer_id", "country"])
@pytest.mark.parametrize("tail", ["\n", " ", "\r\n", "\u2028", "é"])
def test_nothing_hides_at_its_end(name: str, tail: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=name):
        decoded(**{name: GOOD[name] + tail})


@pytest.mark.parametrize("word", ["nan", "NaN", "None", "NONE", "null", "<NA>", ""])
def test_a_word_for_none_is_no_customer(word: str) -> None:
    with pytest.raises(msgspec.ValidationError, match="customer_id"):
        decoded(customer_id=word)
    assert not CUSTOMER.search(word)
    for longer in (f"x{word}", f"{word}7"):
        if "<" not in longer:
            assert isinstance(decoded(customer_id=longer), event.Resumed) and CUSTOMER.search(longer)

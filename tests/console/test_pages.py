"""The pages: each says what it should, loads nothing from elsewhere, runs nothing that somebody wrote, and is light."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import urlencode

import pytest

from console.page import ROOMS
from pages import svg
from scv.settings import Settings
from tests.console.desk import LIVELY, Desk, child, desk
from tests.hostile import TAKEN
from tests.scorer.shop import Shop

MOST_BYTES = 150_000
"""Of a page with all that it loads."""
ADDRESSES = (
    *(address for _, address, _ in ROOMS),
    f"/customers?country=US&id={LIVELY}", "/customers?country=US&id=nobody", "/customers?country=US&id=nan",
    "/tuesdays?country=US", "/tuesdays?country=US&contact=&band=high", "/worth?country=US", "/models?country=US",
    "/fetchers?country=US&fetcher=orders", "/fetchers?country=US&fetcher=phone", "/letters?family=orders",
)  # fmt: skip
LOADED = re.compile(r"""<(?:script|link|img|iframe|form)[^>]*?\b(?:src|href|action|data-api)="([^"]*)""")


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_is_light_and_loads_only_what_is_ours(open_shop: Desk, address: str) -> None:
    reply = open_shop.ask("GET", address, Accept="text/html")
    assert reply.status == 200 and reply.headers["content-type"].startswith("text/html"), reply.text[:500]
    text, loaded = reply.text, set(LOADED.findall(reply.text))
    assert {"/console.js", "/console.css"} <= loaded and all(one.startswith("/") for one in loaded)
    assert "style=" not in text and not re.search(r"\son\w+=", text) and "javascript:" not in text
    assert re.findall(r"<script(?![^>]*src=)", text) == [], "no script of its own"
    weight = len(reply.bytes) + sum(
        len(open_shop.ask("GET", one).bytes) for one in ("/console.js", "/console.css", "/icon.svg")
    )
    assert weight <= MOST_BYTES
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "//" not in policy


def test_the_script_is_short_and_sets_texts_as_text(open_shop: Desk) -> None:
    script = open_shop.ask("GET", "/console.js").text
    assert len(script.splitlines()) <= 150 and script.count("innerHTML") == 1 and "eval" not in script
    assert "://" not in script + open_shop.ask("GET", "/console.css").text


def test_a_hostile_id_is_a_text_on_every_page(open_shop: Desk) -> None:
    listed = open_shop.ask("GET", "/tuesdays?country=US&contact=").text
    assert "<script>alert" not in listed and "alert(1)" in listed
    for id in TAKEN:
        query = urlencode({"country": "US", "id": id})
        whole, part = (open_shop.ask("GET", f"{path}?{query}").text for path in ("/customers", "/customers/live"))
        assert "<script>alert" not in whole + part
        for text in (whole, part):
            assert f"US {id}</h2>" in html.unescape(text) and "Unknown customer" not in text, id


def test_the_customer_page_tells_the_story(open_shop: Desk, live: Shop) -> None:
    text = open_shop.ask("GET", f"/customers?country=US&id={LIVELY}").text
    told = open_shop.ask("GET", f"/api/v1/customers/US/{LIVELY}").body
    lapse = next(one for one in told["scores"] if one["target"] == "lapse")
    if lapse["probability"] is not None:
        assert f"lapse: {100 * lapse['probability']:.1f} %" in text
    assert text.count("<svg") >= 4 and "rhythm (" in text and "orders: placed" in text and "Freshness" in text
    for reason in lapse["reasons"]:
        assert reason["hint"] in text


def test_what_is_not_there_is_a_page_for_a_browser(open_shop: Desk) -> None:
    reply = open_shop.ask("GET", "/customers?country=QQ&id=1", Accept="text/html,*/*")
    assert reply.status == 404 and "Unknown country" in reply.text and "<nav" in reply.text
    plain = open_shop.ask("GET", "/customers?country=QQ&id=1")
    assert plain.body["status"] == 404


def test_today_says_what_is_wrong_with_a_link(settings: Settings) -> None:
    country: dict[str, Any] = {
        "code": "ZZ", "now": "2017-09-20T00:00:00Z", "clock": "replay", "rows_to": None, "lake_to": None,
        "last_week": None, "at_work": False, "unbuilt": {"orders": "run cerebro rebuild"},
        "due": [{"work": "week", "date": "2017-09-19"}],
        "champions": [
            {"target": "lapse", "id": "a", "frozen_at": "2017-08-20T00:00:00Z", "why_not": ""},
            {"target": "skip", "id": "", "frozen_at": None, "why_not": "none was trained"},
        ],
    }  # fmt: skip
    refused = {"family": "orders", "reason": "wrong type", "waiting": 7, "sent": 0, "oldest": None, "words": "x"}
    said = {"version": "<script>alert(1)</script>", "runs": True, "unknown": {"lake": "<b>damaged</b>"},
            "countries": [country], "refused": [refused], "members": {}}  # fmt: skip
    alert: dict[str, Any] = {"at": "2017-09-19T10:00:00+00:00", "change": "raised", "country": "ZZ", "target": "lapse"}
    alert |= {"customer_id": "<b>7", "band": "high", "probability": 0.4, "reason": "silent"}
    with desk(settings, child(), lambda: said, alerts=lambda: [alert]) as console:
        text = console.ask("GET", "/").text
    assert "<script>alert" not in text and "<b>" not in text and "lapse raised, 40.0 %" in text
    for told in (
        "7 dead letters of orders wait", "/letters?family=orders&amp;reason=wrong+type", "its model is 31 days old",
        "no model may answer: none was trained", "week of 2017-09-19 is due", "the rows of orders are not whole",
    ):  # fmt: skip
        assert told in text, told


def test_jobs_are_shown_with_their_cells(console: Desk) -> None:
    job = console.ended(console.launch("ZZ", fetchers=["mail"])["id"])
    text = console.ask("GET", f"/jobs?job={job['id']}").text
    assert job["id"] in text and "mail" in text and "Begin again" in text
    again = console.ask("POST", f"/api/v1/fetches/{job['id']}/resume")
    assert again.status == 202 and again.body["id"] != job["id"] and console.ended(again.body["id"])["state"] == "done"


EVIL = "<script>'\"&</script>"


def test_pictures_are_escaped_and_whole() -> None:
    from xml.etree import ElementTree as ET

    drawn = (
        svg.lines(
            EVIL, ["a", EVIL, "c"], {EVIL: [0.1, None, 0.3], "b": [None, 1.0, 2.0]}, lambda value: f"{EVIL}{value}"
        ),
        svg.histogram(EVIL, [0, 1, 2.5], [3, 0], lambda value: f"{value}"),
        svg.shares(EVIL, {EVIL: 0.4}, lambda value: EVIL),
    )
    for one in drawn:
        tree = ET.fromstring(one)
        assert "<script" not in one and "style=" not in one
        assert EVIL in "".join(tree.itertext()) and {each.tag.rpartition("}")[2] for each in tree.iter()} <= {
            "svg", "title", "rect", "text", "line", "path", "circle"
        }  # fmt: skip
    paths = re.findall(r' d="([^"]*)"', drawn[0])
    assert [one.count("M") for one in paths] == [2, 1], "a gap is a gap"
    assert svg.lines("none", [], {}, str) == "" and svg.lines("none", ["a"], {"b": [None]}, str) == ""

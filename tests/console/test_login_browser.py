"""A person logs in on the page in Chromium, launches a fetch by cookie, and logs out; who may not sees no way to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local import authority
from scv.settings import Settings
from tests.console import browser
from tests.console.browser import Browser
from tests.console.desk import Desk, away, child, desk, well
from tests.credentials import signed

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not browser.there(), reason="chromium and chromedriver are missing")]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    assert authority.make(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture
def closed(settings: Settings, keys: Path) -> Iterator[Desk]:
    with desk(settings, child(), well, keys=keys, **away()) as opened:
        yield opened


def log_in(window: Browser, console: Desk, token: str) -> None:
    window.go(f"https://127.0.0.1:{console.port}/")
    window.until("h1", "Cerebro")
    window.run(f"document.querySelector('input[name=token]').value = '{token}'")
    window.click("main button")


def test_a_person_logs_in_works_and_logs_out(closed: Desk, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "FLAGS", (*browser.FLAGS, "--ignore-certificate-errors"))
    with browser.browser() as window:
        log_in(window, closed, "x.y.z")
        window.until("[role=alert]", "does not count")
        window.errors()  # Chromium's word for the 401
        log_in(window, closed, signed(keys, roles=["operator"], sub="anna"))
        window.until("nav", "anna (operator)")
        assert window.run("return document.cookie") == ""
        window.go(f"https://127.0.0.1:{closed.port}/jobs")
        window.write("input[name=countries]", "ZZ")
        window.write("input[name=dates]", "2017-01-31")
        window.click("main form button")
        window.until("main", "ZZ")
        assert window.errors() == []
        assert [one["countries"] for one in closed.jobs.listed()] == [["ZZ"]]
        window.click("nav form button")
        window.until("h1", "Cerebro")
        log_in(window, closed, signed(keys, roles=["viewer"], sub="bert", countries=["US"]))
        window.until("nav", "bert (viewer)")
        assert "Customers" not in window.text("nav") and "ZZ" not in window.text("main")
        assert window.errors() == []

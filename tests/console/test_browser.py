"""Each page's main story in a real Chromium: nothing is refused by the policy, nothing complains, nothing that somebody
wrote is run. Pictures are kept in build/screens.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from importlib import util
from pathlib import Path
from urllib.parse import urlencode

import pytest

from console.page import ROOMS
from tests.console import browser as driver
from tests.console.browser import Browser
from tests.console.desk import LIVELY, Desk
from tests.console.test_tuesdays import filled
from tests.hostile import TAKEN
from tests.scorer.shop import AT, Shop, order

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not driver.there(), reason="needs chromium and chromium-driver"),
]
SCREENS = Path(__file__).parents[2] / "build" / "screens"


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    with driver.browser() as found:
        yield found


@pytest.fixture
def window(opened: Browser, open_shop: Desk) -> Iterator[Browser]:
    """It lets go of the console before that ends."""
    opened.errors()
    yield opened
    opened.go("about:blank")


def at(console: Desk, path: str) -> str:
    return f"http://127.0.0.1:{console.port}{path}"


def test_a_customer_is_found_and_the_score_moves_when_an_event_comes(
    window: Browser, open_shop: Desk, live: Shop
) -> None:
    window.go(at(open_shop, "/customers"))
    window.run("document.querySelector('select[name=country]').value = 'US'")
    window.write("input[name=id]", f"{LIVELY}\n")
    window.until("#live h2", f"US {LIVELY}")
    window.until("#followed", "Followed")
    before = window.text("#live")
    window.shoot(SCREENS / "customer.png")
    live.applied += 1
    live.write(live.apply(order(LIVELY, AT + timedelta(hours=2), 99_900)))
    window.until("#followed", "Changed")
    after = window.text("#live")
    scores = [text.partition("Scores")[2].partition("Over time")[0] for text in (before, after)]
    assert "%" in scores[0] and scores[0] != scores[1]
    window.shoot(SCREENS / "customer-changed.png")
    assert window.errors() == []


def test_a_fetch_is_launched_and_watched_to_its_end(window: Browser, open_shop: Desk) -> None:
    window.go(at(open_shop, "/fetchers?country=US&fetcher=orders"))
    window.shoot(SCREENS / "fetchers.png")
    window.go(at(open_shop, "/jobs"))
    window.write("input[name=countries]", "ZZ")
    window.write("input[name=dates]", "2017-01-31 2017-02-07")
    window.write("input[name=fetchers]", "orders mail")
    window.click("main form button")
    window.until("main p[data-job] .state", "done")
    window.until("main p[data-job] .counts", "4 done")
    window.shoot(SCREENS / "job.png")
    window.go(at(open_shop, "/jobs"))
    window.write("input[name=countries]", "QQ")
    window.write("input[name=dates]", "2017-01-31\n")
    window.until("#trouble", "Unknown country 'QQ'")
    assert [one for one in window.errors() if "422" not in one] == []


def test_a_sheet_is_uploaded_and_its_refused_row_is_said(
    window: Browser, open_shop: Desk, live: Shop, tmp_path: Path
) -> None:
    window.go(at(open_shop, "/tuesdays?country=US"))
    window.shoot(SCREENS / "tuesday.png")
    sheet = open_shop.ask("GET", "/api/v1/tuesdays/US/2017-09-05/files/contacts_US_2017-09-05.xlsx").bytes
    path = tmp_path / "contacts_US_2017-09-05.xlsx"
    path.write_bytes(filled(sheet, (2, {"contacted_at": "2099-01-01", "channel": "phone", "disposition": "no answer"})))
    window.write("input[type=file]", str(path))
    window.click("input[name=dry_run]")
    window.click("form[data-say=sheet] button")
    window.until("#said", "Row 2 was refused: in the future")
    window.click("form[data-say=drop] button")
    window.until("#said", "Everybody on the list may still be contacted.")
    assert window.errors() == []


ADDRESSES = [one if one in ("/", "/jobs", "/letters") else f"{one}?country=US" for _, one, _ in ROOMS]


@pytest.mark.parametrize("path", ADDRESSES)
def test_every_page_opens_without_a_complaint_on_a_phone(window: Browser, open_shop: Desk, path: str) -> None:
    window.size(500, 900)  # Chromium has no narrower window
    window.go(at(open_shop, path))
    wide = window.run("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert wide[0] <= wide[1] + 1, "nothing hangs over the edge"
    assert window.run("return document.querySelectorAll('nav a[aria-current]').length") == 1
    window.shoot(SCREENS / f"page{path.partition('?')[0].replace('/', '-')}.png")
    window.size(1200, 1000)
    assert window.errors() == []


def test_nothing_that_somebody_wrote_is_run(window: Browser, open_shop: Desk) -> None:
    for id in TAKEN:
        window.go(at(open_shop, f"/customers?{urlencode({'country': 'US', 'id': id})}"))
        assert window.text("#live h2") == f"US {id}" or id != " ".join(id.split()), id
    assert window.errors() == []


AXE = util.find_spec("axe_core_python")
ASKED = """window.said = null; axe.run().then((found) => {
  window.said = [found.passes.length, found.violations.map((one) => [one.impact, one.id, one.nodes[0].html])];
});"""


@pytest.mark.skipif(AXE is None, reason="needs axe-core-python, which is in no lock: pip install axe-core-python")
@pytest.mark.parametrize(
    "path", [*ADDRESSES, f"/customers?country=US&id={LIVELY}", "/fetchers?country=US&fetcher=orders"]
)
def test_axe_finds_nothing(window: Browser, open_shop: Desk, path: str) -> None:
    assert AXE is not None and AXE.submodule_search_locations is not None
    script = (Path(AXE.submodule_search_locations[0]) / "axe.min.js").read_text("utf-8")
    window.go(at(open_shop, path))
    window.run(f"{script};{ASKED}")
    deadline = time.monotonic() + 30
    while (said := window.run("return window.said")) is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert said[0] > 10 and said[1] == []

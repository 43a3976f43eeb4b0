"""Models over HTTP: which answers, its report, another one promoted and the last one back, each with a reason."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from scv.model import bundle, champion
from tests.console.desk import Desk
from tests.scorer.shop import Shop

LAPSE = "/api/v1/models/US/lapse"


@pytest.fixture
def second(live: Shop) -> str:
    """Another model of lapse, with a report, that does not answer."""
    (path,) = [one for one in champion.folder(live.settings, "US", "lapse").iterdir() if one.name == "lapse-20"]
    info, text = bundle.read_info(path), (path / bundle.MODEL).read_text()
    page = "<!doctype html><style>p { color: red; }</style><p>How it was made</p>"
    return bundle.write(path.parent, replace(info, id="lapse-other"), text, page).name


def champions(console: Desk) -> dict[str, str]:
    found = console.ask("GET", "/api/v1/models?country=US").body["models"]
    return {one["target"]: one["id"] for one in found if one["answers"]}


def test_models_are_promoted_and_rolled_back_with_a_reason(open_shop: Desk, second: str) -> None:
    assert champions(open_shop) == {"lapse": "lapse-20", "skip": "skip-12"}
    assert open_shop.ask("POST", f"{LAPSE}/promote", {"id": second}).status == 422, "a reason is asked for"
    done = open_shop.ask("POST", f"{LAPSE}/promote", {"id": second, "why": "the newest drifted"}).body
    assert (done["id"], done["answers"], done["why"]) == (second, True, "the newest drifted")
    assert champions(open_shop)["lapse"] == second
    back = open_shop.ask("POST", f"{LAPSE}/rollback", {"why": "complaints since Monday"}).body
    assert (back["id"], back["why"]) == ("lapse-20", "complaints since Monday")
    unknown = open_shop.ask("POST", f"{LAPSE}/promote", {"id": "lapse-0", "why": "no such"})
    assert unknown.status == 404 and "Known: lapse-20" in unknown.body["detail"]


def test_a_report_is_a_page_that_loads_nothing(open_shop: Desk, second: str, live: Shop) -> None:
    report = open_shop.ask("GET", f"{LAPSE}/{second}/report")
    assert report.status == 200 and "How it was made" in report.text
    assert "'sha256-" in report.headers["content-security-policy"]
    assert open_shop.ask("GET", f"{LAPSE}/lapse-20/report").status == 404
    path = champion.folder(live.settings, "US", "lapse") / second / bundle.REPORT
    path.write_text("<script>alert(1)</script>")
    assert open_shop.ask("GET", f"{LAPSE}/{second}/report").status in (404, 503)
    path.parent.joinpath(bundle.MANIFEST).unlink()


def test_a_model_says_of_itself_what_the_command_says(open_shop: Desk) -> None:
    told = open_shop.ask("GET", f"{LAPSE}/lapse-20").body
    assert told["bundle"]["target"] == "lapse" and told["bundle"]["columns"] and "path" not in told
    assert open_shop.ask("GET", "/api/v1/models/US/weather/x").status == 404
    assert open_shop.ask("GET", "/api/v1/models?country=US&target=weather").status == 404


def test_two_operators_at_once_leave_one_champion(open_shop: Desk, second: str) -> None:
    def turn(number: int) -> int:
        order = {"id": (second, "lapse-20")[number % 2], "why": f"operator {number}"}
        return open_shop.ask("POST", f"{LAPSE}/promote", order).status

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(turn, range(24)))
    assert set(replies) <= {200, 422} and 200 in replies, "who comes while another is at it is told to wait"
    told = open_shop.ask("GET", "/api/v1/models?country=US&target=lapse").body["models"]
    assert [one["answers"] for one in told].count(True) == 1 and {one["trouble"] for one in told} == {""}
    assert open_shop.ask("POST", f"{LAPSE}/promote", {"id": "lapse-20", "why": "as it was"}).status == 200

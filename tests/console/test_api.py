"""The API: what is asked wrongly is told in the command line's sentences, and jobs are launched, followed and ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cli
from console.guard import MOST_BYTES
from console.routes.fetches import MOST_OPEN
from console.status import FRESH_S, RecentStatus
from scv.settings import Settings
from tests.console.desk import NOWHERE, Desk, child, desk, follow

ORDER = {"countries": ["ZZ"], "dates": ["2017-01-31"]}


def test_a_job_is_launched_followed_and_shown(console: Desk) -> None:
    reply = console.ask("POST", "/api/v1/fetches", {"countries": ["ZZ", "US"], "dates": ["2017-01-31", "2017-02-07"]})
    job = reply.body
    assert reply.status == 202 and reply.headers["location"] == f"/api/v1/fetches/{job['id']}"
    assert {(cell["country"], cell["date"]) for cell in job["cells"]} == {
        (code, day) for code in ("ZZ", "US") for day in ORDER["dates"] + ["2017-02-07"]
    }
    told = list(follow(console.port, job["id"]))
    assert told[-1][0] == "end" and told[-1][1]["ended"]
    said = {(one["country"], one["date"], one["fetcher"]) for name, one in told if name == "cell"}
    assert said == {(one["country"], one["date"], one["fetcher"]) for one in job["cells"]}
    assert list(follow(console.port, job["id"], after=str(told[-1][1]["change"]))) == [told[-1]], "nothing is new"
    assert [one["id"] for one in console.ask("GET", "/api/v1/fetches").body["jobs"]] == [job["id"]]


def test_cells_have_rows_and_seconds_and_what_is_not_said_has_failed(console: Desk) -> None:
    """The process here knows two fetchers only."""
    job = console.ended(console.launch("ZZ")["id"])
    cells = {cell["fetcher"]: cell for cell in job["cells"]}
    assert (cells["orders"]["state"], cells["orders"]["rows"], cells["orders"]["seconds"]) == ("done", 3, 0.5)
    assert cells["app_usage"]["state"] == "failed" and cells["app_usage"]["error"] == "It was not reached."
    assert job["state"] == "failed" and job["counts"]["done"] == 2
    chosen = console.ended(console.launch("ZZ", fetchers=["mail"])["id"])
    assert (chosen["state"], [cell["fetcher"] for cell in chosen["cells"]]) == ("done", ["mail"])


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "country": ({"countries": ["DE"]}, "fetch DE -d 2017-01-31"),
    "two countries": ({"countries": ["US", "ZQ"]}, "fetch US ZQ -d 2017-01-31"),
    "date": ({"dates": ["2017-13-01"]}, "fetch ZZ -d 2017-13-01"),
    "day first": ({"dates": ["01/11/2016"]}, "fetch ZZ -d 01/11/2016"),
    "no offset": ({"dates": ["2017-01-31T10:00"]}, "fetch ZZ -d 2017-01-31T10:00"),
    "after the clock": ({"dates": ["2999-01-05"]}, "fetch ZZ -d 2999-01-05"),
    "fetcher": ({"fetchers": ["order"]}, "fetch ZZ -d 2017-01-31 -f order"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_as_on_the_command_line(
    console: Desk, settings: Settings, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change, line = WRONG[name]
    reply = console.ask("POST", "/api/v1/fetches", ORDER | change)
    monkeypatch.setenv("CEREBRO_HOME", settings.home)
    monkeypatch.setenv("CEREBRO_STORE", NOWHERE)
    assert cli.main(line.split()) == 2
    said = capsys.readouterr().err
    assert reply.status == 422 and reply.headers["content-type"] == "application/problem+json"
    assert words(reply.body["detail"]) in words(said) and reply.body["errors"][0]["pointer"].startswith("/")
    assert settings.home not in reply.text and str(Path(cli.__file__).parent) not in reply.text
    assert console.ask("GET", "/api/v1/fetches").body == {"jobs": []}


def words(text: str) -> str:
    """Without the clock's digits, which went on meanwhile."""
    return text.partition("which stands at")[0]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (ORDER | {"date": ["2017-01-31"]}, "Unknown field 'date'. Did you mean 'dates'?"),
        ({"countries": ["ZZ"]}, "dates is missing."),
        (ORDER | {"workers": 0}, "workers: Input should be greater than or equal to 1."),
        (ORDER | {"countries": []}, "countries: List should have at least 1 item"),
        (b"{", "The body is no JSON."),
        (ORDER | {"dates": [f"{year}-01-31" for year in range(1, 1000)]}, "is no date"),
    ],
)
def test_a_body_that_is_none_is_told_so(console: Desk, body: object, told: str) -> None:
    reply = console.ask("POST", "/api/v1/fetches", body)
    assert reply.status == 422 and told in reply.body["detail"], reply.text


def test_only_this_machine_s_own_pages_may_ask(console: Desk) -> None:
    port = console.port
    refused = {
        421: {"Host": "evil.example"},
        403: {"Origin": "https://evil.example"},
    }
    for status, headers in refused.items():
        assert console.ask("POST", "/api/v1/fetches", ORDER, **headers).status == status
    assert console.ask("GET", "/", Host=f"rebound.example:{port}").status == 421
    assert console.ask("POST", "/api/v1/fetches", ORDER, Sec_Fetch_Site="cross-site").status == 403
    assert console.ask("POST", "/api/v1/fetches", ORDER, Content_Type="text/plain").status == 422
    assert console.ask("GET", "/api/v1/fetches").body == {"jobs": []}
    own = {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}", "Sec_Fetch_Site": "same-origin"}
    assert console.ask("POST", "/api/v1/fetches", ORDER, **own).status == 202


def test_a_body_without_end_is_not_read(console: Desk) -> None:
    assert console.ask("POST", "/api/v1/fetches", b" " * (MOST_BYTES + 1)).status == 413
    reply = console.ask("POST", "/api/v1/fetches", b"0\r\n\r\n", Transfer_Encoding="chunked")
    assert reply.status == 422


def test_jobs_wait_in_a_row_of_bounded_length_and_may_be_cancelled(settings: Settings) -> None:
    with desk(settings, child(), starts=False) as console:
        waiting = [console.launch("ZZ", fetchers=["mail"]) for _ in range(MOST_OPEN)]
        full = console.ask("POST", "/api/v1/fetches", ORDER)
        assert full.status == 429 and full.headers["retry-after"] == "30" and "32 jobs wait" in full.body["detail"]
        cancelled = console.ask("POST", f"/api/v1/fetches/{waiting[0]['id']}/cancel").body
        assert (cancelled["state"], cancelled["counts"]) == ("cancelled", {"cancelled": 1})
        assert console.ask("POST", "/api/v1/fetches", ORDER).status == 202


def test_the_same_key_is_the_same_job(console: Desk) -> None:
    first, again = (console.ask("POST", "/api/v1/fetches", ORDER, Idempotency_Key="a") for _ in range(2))
    assert first.status == again.status == 202 and first.body["id"] == again.body["id"]
    other = console.ask("POST", "/api/v1/fetches", ORDER | {"dates": ["2017-02-07"]}, Idempotency_Key="a")
    assert other.status == 409 and other.body["title"] == "Conflict"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/fetches/none", 404),
        ("GET", "/api/v1/fetches/none/events", 404),
        ("POST", "/api/v1/fetches/none/cancel", 404),
        ("GET", "/api/v1/nothing", 404),
        ("PUT", "/api/v1/fetches", 405),
    ],
)
def test_what_there_is_not_is_a_problem_too(console: Desk, method: str, path: str, status: int) -> None:
    reply = console.ask(method, path)
    assert (reply.status, reply.body["status"]) == (status, status) and reply.body["detail"].endswith(".")
    assert reply.headers["content-type"] == "application/problem+json"


def test_a_bug_tells_nothing_of_this_machine(settings: Settings) -> None:
    def broken() -> dict[str, Any]:
        raise RuntimeError("/secret/place/file.py")

    with desk(settings, child(), broken) as console:
        reply = console.ask("GET", "/api/v1/status")
    assert reply.status == 500 and "secret" not in reply.text and "Traceback" not in reply.text
    assert reply.headers["content-type"] == "application/problem+json"


def test_status_is_read_when_it_is_old_and_names_no_path(settings: Settings) -> None:
    read, now_s = list[str](), [0.0]

    def reader() -> dict[str, Any]:
        read.append("once")
        return {"home": "/srv/secret/var", "unknown": {"lake": "/srv/secret/var/lake/orders: no room is left."}}

    status = RecentStatus(reader, lambda: now_s[0])
    with desk(settings, child(), status) as console:
        said = [console.ask("GET", "/api/v1/status").body for _ in range(3)]
        now_s[0] = FRESH_S
        console.ask("GET", "/api/v1/status")
    assert len(read) == 2 and said[0]["home"] == "var" and said[0]["unknown"] == {"lake": "orders: no room is left."}

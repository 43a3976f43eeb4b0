"""Who did what is written down before anybody reads the answer, for so many days, and without whom was erased."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

import cli
from console import audit_file
from console.audit_file import AuditFile, AuditLine, read
from console.door import MOST_NAMED
from scv.errors import CerebroError
from scv.events.calendar import to_us
from scv.settings import Settings
from tests.console.desk import Desk
from tests.console.test_door import ORDER, bearer, csrf_of, logged_in
from tests.credentials import signed
from tests.hostile import REFUSED, TAKEN

AT = datetime(2026, 11, 27, 23, 59, tzinfo=UTC)
SEEN = "GET /api/v1/customers/{country}/{customer_id:path}"


def lines(folder: Path) -> list[AuditLine]:
    found = list(read(folder))
    assert not [one for one in found if isinstance(one, str)]
    return [one for one in found if isinstance(one, AuditLine)]


def test_changes_and_looks_at_customers_are_written_down(closed: Desk, keys: Path, settings: Settings) -> None:
    """With what was refused to somebody known; neither strangers nor what shows nobody."""
    anna, us = bearer(keys, "operator", sub="anna"), bearer(keys, "agent", sub="bert", countries=["US"])
    job = closed.ask("POST", "/api/v1/fetches", ORDER | {"countries": ["US", "ZZ"]}, Authorization=anna).body
    closed.ask("POST", f"/api/v1/fetches/{job['id']}/cancel", Authorization=anna)
    for path in ("US/900", "DE/900", "US/90%200/history", "US/-?id=anna%40example.org"):
        closed.ask("GET", f"/api/v1/customers/{path}", Authorization=us)
    closed.ask("POST", "/api/v1/fetches", ORDER, Authorization=us)
    for several in (2, MOST_NAMED + 1):
        words = "&".join(f"customer={number}" for number in range(several))
        closed.ask("GET", f"/api/v1/scv/US?{words}", Authorization=anna)
    for path in ("/api/v1/fetches", "/api/v1/status", "/", "/api/v1/nothing"):
        closed.ask("GET", path, Authorization=anna)
    for path in ("/api/v1/customers/US/900", "/api/v1/status"):
        closed.ask("GET", path)
        closed.ask("GET", path, Authorization="Bearer x.y.z")
    person = logged_in(closed, signed(keys, roles=["operator"], sub="carl"))
    closed.ask("POST", "/api/v1/fetches", ORDER, **person)
    closed.ask("POST", "/api/v1/fetches", ORDER, **person, **{"X-CSRF-Token": csrf_of(closed, person)})
    acts = [one for one in lines(settings.audit_path) if one.what != "GET /"]
    told = [(one.who, one.roles, one.what, one.country, one.customer) for one in acts]
    launch, cancel = "POST /api/v1/fetches", "POST /api/v1/fetches/{job_id}/cancel"
    assert told == [
        ("anna", "operator", launch, "US ZZ", None), ("anna", "operator", cancel, "", None),
        ("bert", "agent", SEEN, "US", "900"), ("bert", "agent", SEEN, "DE", "900"),
        ("bert", "agent", f"{SEEN}/history", "US", "90 0"),
        ("bert", "agent", SEEN, "US", "anna@example.org"), ("bert", "agent", launch, "", None),
        *[("anna", "operator", "GET /api/v1/scv/{country}", "US", customer) for customer in ("0", "1", None)],
        ("carl", "operator", "POST /login", "", None), ("carl", "operator", launch, "", None),
        ("carl", "operator", launch, "US", None),
    ]  # fmt: skip
    results = [one.result for one in acts]
    assert results[:2] == [202, 200] and results[3] == 403 and results[6] == 403 and results[-3:] == [303, 403, 202]
    (file,) = settings.audit_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0 and settings.audit_path.stat().st_mode & 0o077 == 0


def test_what_cannot_be_written_down_is_not_done(
    closed: Desk, keys: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: AuditFile) -> None:
        raise CerebroError("/srv/audit: no room is left on its disk.")

    monkeypatch.setattr(AuditFile, "ready", full)
    anna = bearer(keys, "admin")
    for method, path in (("POST", "/api/v1/fetches"), ("GET", "/api/v1/customers/US/900")):
        reply = closed.ask(method, path, ORDER if method == "POST" else None, Authorization=anna)
        assert reply.status == 503 and reply.body["detail"] == "audit: no room is left on its disk."
    assert closed.ask("GET", "/api/v1/fetches", Authorization=anna).body == {"jobs": []}
    monkeypatch.undo()
    monkeypatch.setattr(AuditFile, "write", lambda self, *_: full(self))
    reply = closed.ask("GET", "/api/v1/customers/US/900", Authorization=anna)
    assert reply.status == 503 and "audit" in reply.body["detail"], "it was done, and is not shown"
    assert closed.ask("POST", "/api/v1/fetches", ORDER, Authorization=anna).status == 202, "what is done is done"


def test_the_local_admin_is_written_down_too(console: Desk, settings: Settings) -> None:
    console.ask("POST", "/api/v1/fetches", ORDER)
    (line,) = lines(settings.audit_path)
    assert (line.who, line.roles, line.result, line.country) == ("local", "admin", 202, "US")


def test_a_day_has_a_file_and_so_many_days_are_kept(tmp_path: Path) -> None:
    folder, now = tmp_path / "audit", [AT]
    acts = AuditFile(folder, 3, lambda: to_us(now[0]))
    for _ in range(6):
        acts.write("anna", ["admin"], "POST /x", 200, ("US", None))
        now[0] += timedelta(days=1)
    acts.close()
    assert [path.stem for path in audit_file.files(folder)] == ["2026-11-29", "2026-11-30", "2026-12-01", "2026-12-02"]
    (folder / "notes.jsonl").write_text("not ours")
    gone = list(audit_file.past(folder, 1, date(2026, 12, 2)))
    assert [Path(one.path).stem for one in gone] == ["2026-11-29", "2026-11-30"] and all(one.remove() for one in gone)
    assert not list(audit_file.past(folder, 0, date(2030, 1, 1))) and len(audit_file.files(folder)) == 2


def test_ids_of_the_erased_are_taken_out_beside_a_console_that_writes(tmp_path: Path) -> None:
    """Ids as hostile as they come, at places of all lengths; every other byte stays. What is no id is never kept."""
    taken, kept = TAKEN[::2], TAKEN[1::2]
    acts = AuditFile(tmp_path, 0)
    for name in (*TAKEN, *REFUSED):
        acts.write("anna", ["agent"], SEEN, 200, ("US", name))
    for country in ("DE", "", "DE US"):
        acts.write("anna", ["agent"], SEEN, 200, (country, taken[0]))
    before = lines(tmp_path)
    assert [one.customer for one in before] == [*TAKEN, *[None] * len(REFUSED), *[taken[0]] * 3]
    gone = dict.fromkeys(taken, 1)
    assert sum(audit_file.forget(tmp_path, "US", gone).values()) == len(taken) + 2
    acts.write("bert", ["agent"], SEEN, 200, ("US", kept[0]))
    acts.close()
    assert not audit_file.about(tmp_path, "US", gone)
    after = lines(tmp_path)
    names = ["" if name in taken else name for name in TAKEN]
    assert [one.customer for one in after] == [*names, *[None] * len(REFUSED), taken[0], "", "", kept[0]]
    assert [(one.at, one.who, one.what, one.country) for one in after[:-1]] == [
        (one.at, one.who, one.what, one.country) for one in before
    ]


def test_a_torn_line_costs_no_other(tmp_path: Path) -> None:
    acts = AuditFile(tmp_path, 0)
    acts.write("anna", ["admin"], "POST /x", 200, ("US", "1"))
    acts.close()
    (path,) = tmp_path.iterdir()
    with path.open("ab") as file:
        file.write(b'{"at":"2026-')
    acts = AuditFile(tmp_path, 0)
    acts.write("bert", ["admin"], "POST /x", 200, ("US", "2"))
    acts.close()
    found = list(read(tmp_path))
    assert [one if isinstance(one, str) else one.who for one in found] == ["anna", f"{path.name} line 2", "bert"]
    assert sum(audit_file.forget(tmp_path, "US", {"2": 1}).values()) == 1


def test_the_command_lists_and_filters(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    acts = AuditFile(settings.audit_path, 0, lambda: to_us(AT))
    acts.write("anna", ["operator"], "POST /api/v1/fetches", 202, ("US ZZ", None))
    acts.write("bert", ["agent"], SEEN, 200, ("US", "900"))
    acts.write("bert", ["agent"], SEEN, 403, ("DE", "\x1b[31m900"))
    acts.write("bert", ["agent"], SEEN, 200, ("DE", "7"))
    acts.close()
    audit_file.forget(settings.audit_path, "DE", {"7": 1})
    monkeypatch.setenv("CEREBRO_HOME", settings.home)

    def listed(*words: str) -> list[str]:
        assert cli.main(["audit", *words]) == 0
        return capsys.readouterr().out.splitlines()

    head, *rows = listed()
    assert head.split("\t") == ["at", "who", "roles", "what", "country", "customer", "result"] and len(rows) == 4
    assert rows[0] == "2026-11-27T23:59:00Z\tanna\toperator\tPOST /api/v1/fetches\tUS ZZ\t-\t202"
    assert rows[3].split("\t")[5] == "(erased)" and "\x1b" not in "".join(rows)
    for words, count in {"--who bert": 3, "--customer 900": 1, "--country ZZ": 1, "--day 2026-11-28": 0,
                         "--day 2026-11-27 --who anna": 1, "--who ANNA": 0}.items():  # fmt: skip
        assert len(listed(*words.split())) == 1 + count, words
    said = [json.loads(line) for line in listed("--json", "--customer", "900")]
    assert [(one["who"], one["country"], one["result"]) for one in said] == [("bert", "US", 200)]
    assert cli.main(["audit", "--day", "27.11.2026"]) == 2 and "is no day" in capsys.readouterr().err
    with next(iter(settings.audit_path.iterdir())).open("ab") as file:
        file.write(b"\x00torn\n")
    assert cli.main(["audit"]) == 1 and "line 5 of the audit log cannot be read" in capsys.readouterr().err
    assert os.listdir(settings.audit_path) == ["2026-11-27.jsonl"]

"""One customer over HTTP: what the row, the scorer, the lake and past Tuesdays say, for ids of every kind."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from rpc.client import ScorerClient
from scv.events.hashed_id import key_of
from scv.features import fetcher
from scv.fetchers import roles
from scv.online.reader import Reader
from tests.console.desk import LIVELY, NOWHERE, Desk, child, desk, stream
from tests.hostile import REFUSED, TAKEN
from tests.scorer.shop import AT, US, Shop, order


def path(id: str, more: str = "") -> str:
    return f"/api/v1/customers/US/{quote(id, safe='')}{more}"


def test_a_customer_is_what_the_row_and_the_scorer_say(open_shop: Desk, live: Shop) -> None:
    told = open_shop.ask("GET", path(LIVELY)).body
    (view,) = Reader(live.client).read(US, [LIVELY], list(fetcher.collect().values()))
    assert told["values"] == view.values() and told["known"] is True and told["trouble"] == {}
    with ScorerClient(live.settings.scorer) as client:
        reply = client.score("US", LIVELY)
    by_target = {one["target"]: one for one in told["scores"]}
    for one in reply.targets:
        assert by_target[one.target]["probability"] == (one.probability if one.HasField("probability") else None)
        assert [each["hint"] for each in by_target[one.target]["reasons"]] == [each.agent_hint for each in one.reasons]
    assert told["phase"] == reply.phase and told["contact"]["policy"] in ("ok", "held_out", "suppressed")
    mine: list[Any] = [one for one in live.events if one.customer_id == LIVELY]
    assert [one["id"] for one in told["timeline"]] == [one.id for one in reversed(mine)][:50]
    assert told["timeline"][0]["values"] == {"amount_cents": mine[-1].amount_cents, "discount_cents": 0, "items": 3}


def test_every_id_is_asked_for_by_path_or_query(open_shop: Desk, live: Shop) -> None:
    for id in TAKEN:
        for address in (f"/api/v1/customers/US/one?{urlencode({'id': id})}", path(id)):
            reply = open_shop.ask("GET", address)
            assert (reply.status, reply.body["customer_id"]) == (200, id), address
        past = open_shop.ask("GET", path(id, "/history")).body
        assert {one["date"] for one in past["tuesdays"]} == {"2017-08-29", "2017-09-05"} and past["customer_id"] == id


def test_what_is_no_id_is_told_so(open_shop: Desk) -> None:
    for id in REFUSED:
        reply = open_shop.ask("GET", f"/api/v1/customers/US/one?{urlencode({'id': id})}")
        assert reply.status == 422 and "no customer id" in reply.body["detail"], repr(id)


def test_nobody_and_nowhere_are_not_found(open_shop: Desk) -> None:
    nobody = open_shop.ask("GET", path("nobody-of-that-name"))
    assert nobody.status == 404 and "nobody of this id" in nobody.body["detail"] and "nobody-of" not in nobody.text
    nowhere = open_shop.ask("GET", "/api/v1/customers/QQ/1")
    assert nowhere.status == 404 and "Unknown country 'QQ'" in nowhere.body["detail"]


def test_history_is_what_the_weeks_and_the_snapshots_said(open_shop: Desk, live: Shop) -> None:
    from scorer.tuesday.week import Folder

    past = open_shop.ask("GET", path(LIVELY, "/history")).body
    week = Folder(live.settings.exports_url, US).week(AT)
    assert week is not None
    rows = {row["target"]: row for row in week.scores().to_pylist() if row["customer_id"] == LIVELY}
    told = {one["target"]: one for one in past["tuesdays"] if one["date"] == "2017-09-05"}
    assert told.keys() == rows.keys()
    assert {name: one["probability"] for name, one in told.items()} == {
        name: row["probability"] for name, row in rows.items()
    }
    assert len(past["variables"]) == 3 and set(past["variables"][0]["values"]) == set(roles.SHOWN)


def test_what_is_away_is_named_and_the_rest_is_told(live: Shop) -> None:
    alone = msgspec.structs.replace(live.settings, scorer="127.0.0.1:1")
    with desk(alone, child()) as console:
        told = console.ask("GET", path(LIVELY)).body
    assert (
        told["known"] and told["values"] and told["scores"] == [] and "No scorer answers" in told["trouble"]["scores"]
    )
    lost = msgspec.structs.replace(live.settings, scorer="127.0.0.1:1", store=NOWHERE)
    with desk(lost, child()) as console:
        told = console.ask("GET", path(LIVELY)).body
        unknown = console.ask("GET", path("nobody-at-all"))
    assert told["known"] and told["timeline"] and set(told["trouble"]) == {"row", "scores"}
    assert unknown.status == 503 and "store" in unknown.body["detail"]


def test_a_followed_customer_tells_when_an_event_comes(open_shop: Desk, live: Shop) -> None:
    heard = stream(open_shop.port, path(LIVELY, "/events"))
    assert next(heard)[0] == "row"
    live.applied += 1
    live.write(live.apply(order(LIVELY, AT + timedelta(hours=1), 7700)))
    assert next(heard)[0] == "row", "an order changed the row"
    heard.close()


def test_an_agent_s_page_has_only_what_may_be_said(live: Shop) -> None:
    from console.viewer import Viewer, is_sayable

    features = fetcher.all_features()
    silent = [name for name, one in features.items() if not is_sayable(one)]
    with desk(live.settings, child(), viewer=Viewer("anna", aloud_only=True)) as console:
        told = console.ask("GET", path(LIVELY)).body
        page = console.ask("GET", f"/customers?country=US&id={LIVELY}").text
        table = console.ask("GET", f"/api/v1/scv/US?at=2017-09-05&customer={LIVELY}").body
        past = console.ask("GET", path(LIVELY, "/history")).body
    assert silent and told["values"] and not set(silent) & set(told["values"])
    assert not set(silent) & set(table["columns"]) and table["columns"]
    assert {one["probability"] for one in [*told["scores"], *past["tuesdays"]]} == {None}
    assert all(each["hint"] == each["sayable"] for one in told["scores"] for each in one["reasons"])
    assert "Only what may be said aloud" in page and " % " not in page


def test_who_was_sent_as_a_hash_is_found_by_the_id_itself(live: Shop, tmp_path: Path) -> None:
    secret = tmp_path / "id.key"
    secret.write_bytes(b"0123456789abcdef")
    keyed = msgspec.structs.replace(live.settings, id_key_file=str(secret))
    hashed = key_of(keyed).hashed("anna@example.org")
    live.applied += 1
    live.write(live.apply(order(hashed, AT - timedelta(hours=1))))
    query = urlencode({"country": "US", "id": "anna@example.org", "hash_id": "true"})
    with desk(keyed, child()) as console:
        told = console.ask("GET", path("anna@example.org", "?hash_id=true"))
        page = console.ask("GET", f"/customers?{query}").text
    assert told.body["customer_id"] == hashed and f"US {hashed}" in page and 'value="anna@example.org"' in page
    with desk(live.settings, child()) as console:
        assert console.ask("GET", path("anna@example.org", "?hash_id=true")).status == 422

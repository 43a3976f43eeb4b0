"""A list just before people are contacted: whoever must not be any more is dropped, for the reason that the live reply
gives as well."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

import cli
from scorer.feedback import lists
from scorer.live.answers import Answers, ScoreQuestion
from scorer.tuesday.export import export
from scorer.tuesday.recheck import GONE, recheck
from scv.errors import UserError
from scv.events import event
from scv.events.contact import ASKED_NOT
from scv.settings import Settings
from tests.keys import row_key
from tests.scorer.shop import AT, US, Shop

LIST = "US-lapse-2017-09-05"
LATER = AT + timedelta(hours=30)


@pytest.fixture
def settings(live: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    import msgspec

    found = msgspec.structs.replace(live.settings, exports=str(tmp_path))
    export(found, US, AT)
    for name in ("home", "store", "exports"):
        monkeypatch.setenv(f"CEREBRO_{name.upper()}", getattr(found, name))
    return found


def listed(settings: Settings) -> list[str]:
    return sorted(lists.find(settings, {"US": US}, LIST).customers)


def tell(live: Shop, *told: event.Event) -> None:
    """What happened since Tuesday."""
    touched = set()
    for one in told:
        touched |= live.apply(one)
    live.write(touched)
    live.mark(LATER)


def outcome(customer: str, **said: object) -> event.Outcome:
    at = LATER - timedelta(hours=5)
    common = {"id": f"o-{customer}", "country": "US", "customer_id": customer, "occurred_at": at, "seen_at": at}
    return event.Outcome(**common | {"channel": "phone", "reached": True} | said)  # type: ignore[arg-type]


def complaint(customer: str) -> event.ComplaintOpened:
    at = LATER - timedelta(hours=4)
    return event.ComplaintOpened(id=f"c-{customer}", country="US", customer_id=customer, occurred_at=at, seen_at=at)


def test_who_changed_since_is_dropped_and_the_live_reply_agrees(settings: Settings, live: Shop) -> None:
    everybody = listed(settings)
    assert recheck(settings, US, everybody, live.client) == {}
    called, refused, complains, gone = everybody[:4]
    tell(live, outcome(called), outcome(refused, disposition=ASKED_NOT), complaint(complains))
    live.client.delete(row_key("US", gone))
    drop = recheck(settings, US, everybody, live.client)
    assert set(drop) == {called, refused, complains, gone}
    assert (drop[refused], drop[complains], drop[gone]) == (ASKED_NOT, "open complaint", GONE)
    assert drop[called].startswith("contacted 0 days ago")
    answers = Answers(settings, live.client)
    for score in answers.answer("US", ScoreQuestion(everybody)):
        policy = score.contact.policy if score.contact else "SUPPRESSED"
        assert (policy != "OK") == (score.customer_id in drop)
        assert score.contact is None or score.contact.reason == drop.get(score.customer_id, "")
    answers.vectors.close()


def test_who_asked_not_to_be_contacted_may_be_after_a_new_consent(settings: Settings, live: Shop) -> None:
    asked, *_ = everybody = listed(settings)
    tell(live, outcome(asked, disposition=ASKED_NOT))
    assert recheck(settings, US, everybody, live.client) == {asked: ASKED_NOT}
    at = LATER + timedelta(days=20)
    tell(live, event.Consent(
        id="again", country="US", customer_id=asked, occurred_at=at, seen_at=at, channel="phone", given=True,
    ))  # fmt: skip
    live.mark(at + timedelta(hours=1))
    assert asked not in recheck(settings, US, [asked], live.client)


def test_the_command_prints_whom_to_drop(settings: Settings, live: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    refused, *_ = listed(settings)
    tell(live, outcome(refused, disposition=ASKED_NOT))
    assert cli.main(["export", "recheck", LIST]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == ["customer_id\twhy", f"{refused}\t{ASKED_NOT}"] and "1 of " in err
    assert cli.main(["export", "recheck", LIST, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["drop"] == {refused: ASKED_NOT}


@pytest.mark.parametrize("id", ["US-lapse-2017-08-29", "nonsense", "XX-lapse-2017-09-05", "US-skip-2017-09-05"])
def test_no_such_list(settings: Settings, id: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["export", "recheck", id]) == 2
    assert "has the id" in capsys.readouterr().err


def test_a_list_that_was_taken_back_is_no_list(settings: Settings) -> None:
    from scorer.tuesday.week import Folder

    Folder(settings.exports_url, US).withdraw(AT)
    with pytest.raises(UserError, match="was taken back"):
        lists.find(settings, {"US": US}, LIST)

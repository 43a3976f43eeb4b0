"""What the scorer tells an operator of its calls, and never of whom."""

from __future__ import annotations

import re

import numpy as np
import pytest

from local.services.process import free_port
from rpc.client import ScorerClient, ScorerError
from scorer.live import condition
from scorer.live.server import Server
from scv.model.spread import psi
from scv.settings import Settings
from telemetry.endpoint import exposed
from tests.scorer.shop import AT, EARLIER, LIVELY, US, Shop
from tests.scrape import page, samples

CANARY = "canary-77"


def test_scores_are_counted_by_target_and_status_and_nobody_is_named(
    live: Shop, server: Server, client: ScorerClient
) -> None:
    client.score_batch("US", [LIVELY, *live.customers])
    with pytest.raises(ScorerError):
        client.score("US", CANARY)
    with pytest.raises(ScorerError):
        client.score(CANARY, CANARY)
    with exposed(Settings(metrics=f"127.0.0.1:{free_port()}"), "scorer", {"calls": server.samples}) as address:
        assert address is not None
        text = page(address)
    read = samples(text)
    lapse = {name[3]: value for name, value in read.items() if name[:3] == ("cerebro_scores_total", "US", "lapse")}
    assert lapse["UNKNOWN_CUSTOMER"] == 1 and lapse["SCORED"] > 0
    assert sum(lapse.values()) == len(live.customers) + 2
    assert read["cerebro_score_seconds_count", "lapse", "SCORED"] == 1, "a call, however many it asked about"
    assert read["cerebro_score_seconds_count", "", "INVALID_ARGUMENT"] == 1
    assert read["cerebro_store_round_trips_total",] >= 2
    named = set(re.findall(r'="([^"]*)"', text))
    assert "lapse" in named and not named & {CANARY, *live.customers}


def test_champions_and_weeks_tell_how_old_they_are_and_whether_scores_drift(
    live: Shop, server: Server, client: ScorerClient
) -> None:
    """By the country's clock; of a drift only where enough was asked."""

    def told(metric: str) -> dict[tuple[str, ...], float]:
        return {one.labels: float(str(one.value)) for one in server.condition.samples() if one.metric == metric}

    model = server.answers.champions.of(US, "lapse")
    assert model is not None and model.info.spread is not None
    age_s = (AT - model.info.reference).total_seconds()
    assert told("cerebro_model_age_seconds")["US", "lapse"] == pytest.approx(age_s, abs=1)
    replies = client.score_batch("US", live.customers)
    assert told("cerebro_score_drift_psi") == {}, "too few"
    said = [one.probability for reply in replies for one in reply.targets if one.target == "lapse" and one.probability]
    for _ in range(condition.LEAST // len(said)):
        client.score_batch("US", live.customers)
    drift = told("cerebro_score_drift_psi")["US", "lapse"]
    assert drift == pytest.approx(psi(model.info.spread, np.array(said * (condition.LEAST // len(said) + 1))))
    assert drift > 0


def test_a_week_that_was_published_has_an_age(live: Shop, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(condition.Folder, "references", lambda self: [EARLIER])
    ages = [one for one in server.condition.samples() if one.metric == "cerebro_week_age_seconds"]
    week_s = (AT - EARLIER).total_seconds()
    assert [one.labels for one in ages] == [("US",)] and ages[0].value == pytest.approx(week_s, abs=1)

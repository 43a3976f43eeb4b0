"""The live scorer over a real socket, on rows that were written the way the consumer writes them."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from datetime import timedelta

import grpc
import numpy as np
import pytest
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from rpc import scorer_pb2 as pb
from rpc.client import ScorerClient, ScorerError
from scorer.live.server import SERVICE, Server
from scv.errors import UserError
from scv.features.fetcher import collect
from scv.language import known
from scv.model import bundle, champion
from scv.offline import snapshot
from scv.online.rowstore import RowStore
from tests.marking import unmark
from tests.scorer import shop
from tests.scorer.shop import AT, EARLIER, LIVELY, US, Shop


def target_of(reply: pb.ScoreReply, name: str) -> pb.TargetScore:
    return next(one for one in reply.targets if one.target == name)


def refused(code: str, call) -> str:  # type: ignore[no-untyped-def]
    with pytest.raises(ScorerError) as found:
        call()
    assert found.value.code == code
    assert "Traceback" not in str(found.value)
    return str(found.value)


def test_a_live_score_is_the_model_on_the_snapshot_of_the_same_log(live: Shop, client: ScorerClient) -> None:
    """Two ways to the same numbers: rows through gRPC one by one, batch SQL through the bundle at once."""
    table = snapshot.join(snapshot.Snapshots(live.settings, US).read(AT))
    features = {name: table[name] for name in table.column_names[3:]}
    path = champion.champion(live.settings, "US", "lapse")
    assert path is not None
    model = bundle.load(path, US)
    expected = dict(zip(table["customer_id"].to_pylist(), model.score(model.matrix(features)), strict=True))
    scored = 0
    for customer in live.customers:
        one = target_of(client.score("US", customer), "lapse")
        if one.status == pb.SCORED:
            scored += 1
            assert one.probability == expected[customer]
            assert one.model == model.info.id
    assert scored > 20


def test_a_reply_says_everything_beside_the_number(client: ScorerClient) -> None:
    reply = client.score("US", LIVELY)
    one = target_of(reply, "lapse")
    assert reply.known and reply.instant.ToDatetime(AT.tzinfo) == AT
    assert reply.phase == "established"
    assert {name for state in reply.freshness for name in state.fetchers} == set(snapshot.fetcher.collect())
    assert {state.state for state in reply.freshness} == {pb.Freshness.FRESH}
    assert one.horizon_days == 56
    assert one.horizon_end.ToDatetime(AT.tzinfo) == AT + timedelta(days=56)
    assert pb.Basis.Name(one.basis) == "DERIVED"
    assert one.band != pb.BAND_UNSPECIFIED and one.times_usual > 0
    assert one.reasons and all(reason.agent_hint for reason in one.reasons)
    assert len(reply.receipt) == 16


@pytest.mark.parametrize("language", known())
def test_a_reply_has_its_reasons_in_the_language_that_was_asked_for(client: ScorerClient, language: str) -> None:
    own, other = client.score("US", LIVELY), client.score("US", LIVELY, language=language)
    batch = client.score_batch("US", [LIVELY], language=language)[0]
    said, told = ([reason.agent_hint for one in reply.targets for reason in one.reasons] for reply in (own, other))
    assert len(said) == len(told) > 0 and (said == told) == (language == US.language)
    assert batch.targets == other.targets and own.receipt == other.receipt


def test_who_wants_no_reasons_gets_the_same_numbers_without_them(client: ScorerClient) -> None:
    whole, plain = client.score("US", LIVELY), client.score("US", LIVELY, with_reasons=False)
    assert any(one.reasons for one in whole.targets) and not any(one.reasons for one in plain.targets)
    for one in whole.targets:
        one.ClearField("reasons")
    assert plain.targets == whole.targets and plain.receipt == whole.receipt
    batch = client.score_batch("US", [LIVELY], with_reasons=False)[0]
    assert batch.targets == plain.targets


def test_an_explanation_adds_up_to_the_score(live: Shop, client: ScorerClient) -> None:
    """Margin = base + what every column adds, and the calibrated margin is the probability, for everybody."""
    bases: dict[str, set[float]] = {}
    for customer in live.customers[:40]:
        try:
            found = client.explain("US", customer)
        except ScorerError:
            continue
        assert found.score.targets == client.score("US", customer).targets
        scored = {one.target: one for one in found.score.targets if one.status == pb.SCORED}
        assert [one.target for one in found.explanations] == list(scored)
        for one in found.explanations:
            path = champion.champion(live.settings, "US", one.target)
            assert path is not None
            model = bundle.load(path, US)
            assert sorted(each.column for each in one.contributions) == sorted(each.name for each in model.columns)
            added = [each.added for each in one.contributions]
            assert [abs(each) for each in added] == sorted(map(abs, added), reverse=True)
            assert abs(one.base + sum(added) - one.margin) < 1e-9
            said = model.info.calibration(np.array([one.margin]))[0]
            assert abs(said - scored[one.target].probability) < 1e-12 and one.model == scored[one.target].model
            bases.setdefault(one.target, set()).add(round(one.base, 9))
    assert bases and all(len(one) == 1 for one in bases.values()), "the base is everybody's"
    refused("NOT_FOUND", lambda: client.explain("US", "nobody"))
    refused("INVALID_ARGUMENT", lambda: client.explain("US", ""))


def test_a_language_that_nobody_speaks_is_refused_and_the_others_are_named(client: ScorerClient) -> None:
    said = refused("INVALID_ARGUMENT", lambda: client.score("US", LIVELY, language="dee"))
    assert "language" in said and "'de'" in said


def test_silence_moves_a_score_with_no_event(live: Shop, client: ScorerClient) -> None:
    scores = []
    for days in (0, 6, 12):
        live.mark(AT + timedelta(days=days))
        reply = client.score("US", LIVELY, ["lapse"])
        scores.append(reply.targets[0].probability)
        assert reply.instant.ToDatetime(AT.tzinfo) == AT + timedelta(days=days)
    assert len(set(scores)) == 3


def test_an_event_moves_a_score_and_is_inside_at_once(live: Shop, client: ScorerClient) -> None:
    before = client.score("US", LIVELY, ["lapse"]).targets[0].probability
    late = shop.order(LIVELY, AT + timedelta(hours=3))
    live.write(live.apply(late))  # neither watermark nor clock has moved yet
    after = client.score("US", LIVELY, ["lapse"])
    assert after.instant.ToDatetime(AT.tzinfo) == late.seen_at + timedelta(microseconds=1)
    assert after.targets[0].probability != before


def test_a_target_without_a_model_says_so_and_others_answer(client: ScorerClient) -> None:
    one = target_of(client.score("US", LIVELY), "return")
    assert one.status == pb.NOT_APPLICABLE and not one.HasField("probability")
    assert "no model yet" in one.status_reason or "ordered in the last" in one.status_reason
    refused("FAILED_PRECONDITION", lambda: client.score("US", LIVELY, ["return"]))


def test_who_is_outside_the_population_gets_no_number(live: Shop, client: ScorerClient) -> None:
    silent = [
        one
        for one in (target_of(client.score("US", customer), "lapse") for customer in live.customers)
        if one.status == pb.NOT_APPLICABLE
    ]
    assert silent
    assert all("silent for longer than 28 days" in one.status_reason for one in silent)
    assert not any(one.HasField("probability") or one.HasField("times_usual") or one.reasons for one in silent)


def test_an_unknown_customer_is_not_found_and_never_a_number(client: ScorerClient) -> None:
    assert "Unknown customer" in refused("NOT_FOUND", lambda: client.score("US", "nobody"))
    known, unknown, again = client.score_batch("US", [LIVELY, "nobody", LIVELY])
    assert known.known and known.SerializeToString(deterministic=True) == again.SerializeToString(deterministic=True)
    assert not unknown.known
    assert {one.status for one in unknown.targets} == {pb.UNKNOWN_CUSTOMER}
    assert not any(one.HasField("probability") for one in unknown.targets)


def test_bad_questions_are_told_what_is_wrong(client: ScorerClient) -> None:
    assert "Did you mean 'US'?" in refused("INVALID_ARGUMENT", lambda: client.score("us", LIVELY))
    assert "Did you mean 'lapse'?" in refused("INVALID_ARGUMENT", lambda: client.score("US", LIVELY, ["laps"]))
    for ids in ([], ["a"] * 501, ["a", "a "], ["\n"], ["x" * 129]):
        refused("INVALID_ARGUMENT", lambda ids=ids: client.score_batch("US", ids))  # type: ignore[misc]


def test_a_request_beyond_a_mebibyte_is_refused(client: ScorerClient) -> None:
    refused("RESOURCE_EXHAUSTED", lambda: client.score_batch("US", ["x" * 60] * 20_000))


def test_what_is_too_old_is_refused_and_what_is_old_is_called_stale(live: Shop, client: ScorerClient) -> None:
    live.mark(AT + timedelta(hours=5), families=["app"])  # the clock moves on, the orders' watermark does not
    reply = client.score("US", LIVELY, ["lapse"])
    ages = {name: (one.state, one.age_s) for one in reply.freshness for name in one.fetchers}
    assert ages["orders"] == (pb.Freshness.STALE, 5 * 3600)
    assert ages["phone"] == (pb.Freshness.FRESH, 0)
    assert reply.targets[0].status == pb.SCORED
    live.mark(AT + timedelta(days=9), families=["app"])
    one = client.score("US", LIVELY, ["lapse"]).targets[0]
    assert one.status == pb.STALE_REFUSED and "orders" in one.status_reason and not one.HasField("probability")


def test_what_is_not_built_is_missing_and_refused(live: Shop, client: ScorerClient) -> None:
    unmark(RowStore(live.client), "US", [snapshot.fetcher.get("orders")])
    # Other fetchers of the family are whole, so the customer is known; what the model needs is not.
    reply = client.score("US", LIVELY, ["lapse"])
    assert {name: one.state for one in reply.freshness for name in one.fetchers}["orders"] == pb.Freshness.MISSING
    assert reply.targets[0].status == pb.STALE_REFUSED and "cerebro rebuild" in reply.targets[0].status_reason


@pytest.mark.parametrize("unbuilt", list(collect()))
def test_while_some_rows_are_not_built_nobody_is_unknown(live: Shop, client: ScorerClient, unbuilt: str) -> None:
    unmark(RowStore(live.client), "US", [collect()[unbuilt]])
    known, nobody = client.score_batch("US", [LIVELY, "nobody"])
    assert known.known and nobody.known
    assert client.score("US", "nobody").known, "not NOT_FOUND"
    for one in nobody.targets:
        assert (
            one.status == pb.STALE_REFUSED and unbuilt in one.status_reason and "cerebro rebuild" in one.status_reason
        )
    assert not any(one.HasField("probability") for one in nobody.targets)
    assert (nobody.phase, nobody.contact_policy) == ("", pb.CONTACT_POLICY_UNSPECIFIED)
    if unbuilt in ("orders", "lifecycle"):
        assert known.phase == "", "it is told from them"
    if unbuilt in ("contacts", "support", "lifecycle"):
        assert known.contact_policy == pb.SUPPRESSED and unbuilt in known.contact_reason


def test_where_nothing_is_built_the_caller_is_told_so(live: Shop, client: ScorerClient) -> None:
    """Before the first build, or while `cerebro rebuild --afresh` is at work."""
    RowStore(live.client).next_generation()
    for ask in (lambda: client.score("US", LIVELY), lambda: client.score_batch("US", [LIVELY, "nobody"])):
        said = refused("FAILED_PRECONDITION", ask)
        assert "No rows of US are built" in said and "cerebro rebuild" in said


def test_an_earlier_reference_is_answered_from_its_snapshot(live: Shop, client: ScorerClient) -> None:
    live.mark(AT + timedelta(days=20))
    then = client.score("US", LIVELY, ["lapse"], AT)
    assert then.instant.ToDatetime(AT.tzinfo) == AT
    live.rewind()
    now = client.score("US", LIVELY, ["lapse"])
    assert then.targets[0].probability == now.targets[0].probability
    earlier = client.score("US", LIVELY, ["lapse"], EARLIER)
    assert earlier.targets[0].probability != now.targets[0].probability
    assert "cerebro fetch" in refused(
        "FAILED_PRECONDITION", lambda: client.score("US", LIVELY, [], AT - timedelta(days=1))
    )
    refused("NOT_FOUND", lambda: client.score("US", "nobody", [], AT))


def test_a_replay_that_has_not_begun_has_no_score(live: Shop, client: ScorerClient) -> None:
    live.open()
    assert "not begun" in refused("FAILED_PRECONDITION", lambda: client.score("US", LIVELY))


def test_a_newly_promoted_champion_answers_soon_and_no_call_waits_for_it(
    live: Shop, client: ScorerClient, caplog: pytest.LogCaptureFixture
) -> None:
    assert answering(client) == "lapse-20"
    new = live.train("lapse", rounds=31)
    assert asked_until(client, lambda model: model == new.info.id) == {"lapse-20", new.info.id}
    (new.path / "model.txt").write_text("damaged")
    champion.point(new.path, "0" * 64)  # a broken champion: the old one goes on
    assert asked_until(client, lambda _: "not taken" in caplog.text) == {new.info.id}
    shutil.rmtree(new.path)
    live.train("lapse")
    assert asked_until(client, lambda model: model == "lapse-20") == {new.info.id, "lapse-20"}


def answering(client: ScorerClient) -> str:
    return str(client.score("US", LIVELY, ["lapse"]).targets[0].model)


def asked_until(client: ScorerClient, holds: Callable[[str], bool], within_s: float = 30) -> set[str]:
    """The models that answered until that holds; none of the calls fails or waits beyond its deadline."""
    answered, end = set[str](), time.monotonic() + within_s
    while True:
        answered.add(model := answering(client))
        if holds(model):
            return answered
        assert time.monotonic() < end
        time.sleep(0.01)


def test_health_and_reflection_answer(server: Server) -> None:
    with grpc.insecure_channel(server.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", SERVICE):
            reply = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=2)
            assert reply.status == health_pb2.HealthCheckResponse.SERVING
        ask = reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE)
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        (answer,) = stub.ServerReflectionInfo(iter([ask]), timeout=2)
        names = [
            descriptor_pb2.FileDescriptorProto.FromString(body).package
            for body in answer.file_descriptor_response.file_descriptor_proto
        ]
        assert "cerebro.scorer.v1" in names


def test_plain_text_stays_on_loopback(made: Shop) -> None:
    for address in ("0.0.0.0:0", "[::]:0", "example.org:0"):
        for insecure in (False, True):
            with pytest.raises(UserError, match="cerebro keys new"):
                Server(made.settings, address, insecure)
    with pytest.raises(UserError, match="--insecure"):
        Server(made.settings, "127.0.0.1:0")


def test_a_port_that_is_taken_is_told(server: Server, made: Shop) -> None:
    with pytest.raises(UserError, match="taken"):
        Server(made.settings, server.address, insecure=True)


def test_no_customer_and_no_value_in_logs_or_errors(
    live: Shop, client: ScorerClient, server: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)

    def broken(*args: object, **named: object) -> None:
        raise ValueError(f"canary {LIVELY}")

    client.score("US", LIVELY)
    said = [refused("NOT_FOUND", lambda: client.score("US", "canary-77"))]
    monkeypatch.setattr(server.answers, "answer", broken)
    said.append(refused("INTERNAL", lambda: client.score("US", LIVELY)))
    assert "ValueError" in caplog.text
    for text in (caplog.text, *said):
        assert "canary" not in text and LIVELY not in text


def test_one_row_never_touches_another(live: Shop, client: ScorerClient) -> None:
    """Alone and among others a customer has the same probability to the last bit."""
    batch = client.score_batch("US", live.customers)
    alone = [client.score("US", customer) for customer in live.customers]
    ours, theirs = ([one.probability for reply in replies for one in reply.targets] for replies in (batch, alone))
    assert np.array_equal(ours, theirs)

"""The closed scorer over real TLS: who is let in, who is not, and keys that change while calls run."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from msgspec.structs import replace

from access import watched_file
from access.caller import ROLES
from local import authority
from local.authority import DEVELOPER
from rpc import scorer_pb2 as pb
from rpc import scorer_pb2_grpc
from rpc.client import ScorerClient, ScorerError
from scorer.live.methods import METHODS
from scorer.live.server import Server
from scv.errors import BadSetting, UserError
from tests.credentials import HOUR, claims, renewed, signed, wrong_tokens
from tests.scorer.shop import LIVELY, Shop

OPEN = ("OK", "UNIMPLEMENTED", "FAILED_PRECONDITION")
"""Let in: grpcio's health service has no List, and without a published week nobody has moved."""
CLOSED = ("UNAUTHENTICATED", "PERMISSION_DENIED")


def started(live: Shop, keys: Path) -> Server:
    server = Server(replace(live.settings, scorer_keys=str(keys / "scorer")), "127.0.0.1:0")
    server.start()
    return server


@pytest.fixture
def closed(live: Shop, keys: Path) -> Iterator[Server]:
    server = started(live, keys)
    try:
        yield server
    finally:
        server.stop(0)


def channel_of(server: Server, keys: Path, shown: str = "caller") -> grpc.Channel:
    """TLS with the certificate of a folder, without a token."""
    own = [(keys / shown / name).read_bytes() for name in ("tls.key", "tls.crt")]
    credentials = grpc.ssl_channel_credentials((keys / "scorer" / "ca.crt").read_bytes(), *own)
    return grpc.secure_channel(server.address, credentials)


def every_call(channel: grpc.Channel) -> dict[str, Callable[..., Any]]:
    """Every method that the server has, by its name, each with something sensible to ask; results are read."""
    scorer = scorer_pb2_grpc.ScorerStub(channel)
    health = health_pb2_grpc.HealthStub(channel)
    reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
    one = pb.ScoreRequest(country="US", customer_id=LIVELY)
    many = pb.ScoreBatchRequest(country="US", customer_ids=[LIVELY])
    movers = pb.MoversRequest(country="US", target="lapse")
    well = health_pb2.HealthCheckRequest()
    ask = reflection_pb2.ServerReflectionRequest(list_services="")
    return {
        "/cerebro.scorer.v1.Scorer/Score": lambda **how: scorer.Score(one, **how),
        "/cerebro.scorer.v1.Scorer/ScoreBatch": lambda **how: scorer.ScoreBatch(many, **how),
        "/cerebro.scorer.v1.Scorer/Explain": lambda **how: scorer.Explain(one, **how),
        "/cerebro.scorer.v1.Scorer/Watch": lambda **how: next(scorer.Watch(many, **how)),
        "/cerebro.scorer.v1.Scorer/WatchMovers": lambda **how: next(scorer.WatchMovers(movers, **how)),
        "/grpc.health.v1.Health/Check": lambda **how: health.Check(well, **how),
        "/grpc.health.v1.Health/List": lambda **how: health.List(health_pb2.HealthListRequest(), **how),
        "/grpc.health.v1.Health/Watch": lambda **how: next(health.Watch(well, **how)),
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": lambda **how: next(
            reflection.ServerReflectionInfo(iter([ask]), **how)
        ),
    }


def status(call: Callable[..., Any], *authorization: str | bytes) -> str:
    """How a call with these authorization headers ends."""
    metadata = [("authorization", one) for one in authorization]
    try:
        call(metadata=metadata, timeout=5)
    except grpc.RpcError as error:
        assert "/" not in (error.details() or "").replace("ssl://", "") or error.code().name == "UNAVAILABLE"
        return str(error.code().name)
    return "OK"


def test_the_table_names_every_method_that_the_server_has(closed: Server, keys: Path) -> None:
    """Of all services that reflection lists, so that whoever registers one has to say whose it is."""
    with channel_of(closed, keys) as channel:
        calls = every_call(channel)
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        ask = reflection_pb2.ServerReflectionRequest
        (listed,) = stub.ServerReflectionInfo(iter([ask(list_services="")]), timeout=5)
        found = set()
        for service in listed.list_services_response.service:
            from google.protobuf import descriptor_pool

            described = descriptor_pool.Default().FindServiceByName(service.name)
            found |= {f"/{service.name}/{method.name}" for method in described.methods}
    assert found == set(METHODS) == set(calls)


def test_whoever_has_a_known_certificate_or_a_good_token_may(closed: Server, keys: Path) -> None:
    with channel_of(closed, keys) as channel:
        for name, call in every_call(channel).items():
            assert status(call) in OPEN, name
            assert status(call, f"Bearer {signed(keys)}") in OPEN, name


def test_no_wrong_token_opens_any_call(closed: Server, keys: Path) -> None:
    """A good certificate does not make up for one."""
    with channel_of(closed, keys) as channel:
        calls = every_call(channel)
        for kind, shown in wrong_tokens(keys).items():
            for name, call in calls.items():
                bounds = ("RESOURCE_EXHAUSTED",) if kind == "long" else ()  # gRPC itself takes no such header
                assert status(call, *shown) in (*CLOSED, *bounds), (kind, name)


def test_a_role_opens_its_calls_and_no_other(closed: Server, keys: Path) -> None:
    with channel_of(closed, keys) as channel:
        for role in ROLES:
            token = f"Bearer {signed(keys, roles=[role])}"
            for name, call in every_call(channel).items():
                assert (status(call, token) in OPEN) is (role in METHODS[name]), (role, name)


def test_a_caller_sees_only_his_countries(closed: Server, keys: Path) -> None:
    with channel_of(closed, keys) as channel:
        for countries in (["DE"], [], None, ["us"], ["U"], "DE FR", ["US\x00"]):
            token = f"Bearer {signed(keys, countries=countries)}"
            codes = {name: status(call, token) for name, call in every_call(channel).items()}
            asked = {codes[name] for name in codes if "Scorer/" in name}
            assert asked == {"PERMISSION_DENIED"}, countries
        for countries in (["US"], "DE US"):
            token = f"Bearer {signed(keys, countries=countries)}"
            assert {status(call, token) for call in every_call(channel).values()} <= set(OPEN)


def test_without_a_certificate_that_we_signed_there_is_no_connection(
    closed: Server, keys: Path, tmp_path: Path
) -> None:
    """A stranger's authority, none, and plain text on the same port."""
    authority.make(tmp_path / "other")
    ca = (keys / "scorer" / "ca.crt").read_bytes()
    theirs = [(tmp_path / "other" / "caller" / name).read_bytes() for name in ("tls.key", "tls.crt")]
    for credentials in (grpc.ssl_channel_credentials(ca, *theirs), grpc.ssl_channel_credentials(ca), None):
        made = (
            grpc.secure_channel(closed.address, credentials) if credentials else grpc.insecure_channel(closed.address)
        )
        with made as channel:
            for name, call in every_call(channel).items():
                assert status(call, f"Bearer {signed(keys)}") == "UNAVAILABLE", name


def test_a_certificate_of_ours_with_an_unknown_name_is_nobody(live: Shop, own: Path) -> None:
    path = own / "scorer" / "access.toml"
    path.write_text(path.read_text().replace(DEVELOPER, "somebody.else"))
    server = started(live, own)
    try:
        with channel_of(server, own) as channel:
            assert {status(call) for call in every_call(channel).values()} == {"UNAUTHENTICATED"}
    finally:
        server.stop(0)


def test_access_and_token_keys_are_read_again(live: Shop, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is broken changes nothing; a rotated key counts, the old one no longer."""
    monkeypatch.setattr(watched_file, "EVERY_S", 0.0)
    access, jwks = own / "scorer" / "access.toml", own / "scorer" / "jwks.json"
    server = started(live, own)
    try:
        with channel_of(server, own) as channel:
            score = every_call(channel)["/cerebro.scorer.v1.Scorer/Score"]
            token, said = f"Bearer {signed(own)}", access.read_text()
            access.write_text("certificates = 1")
            jwks.write_text("{")
            assert (status(score), status(score, token)) == ("OK", "OK")
            access.write_text(said.replace('countries = ["*"]', 'countries = ["DE"]'))
            assert status(score) == "PERMISSION_DENIED"
            new = ed25519.Ed25519PrivateKey.generate()
            public = jwt.algorithms.OKPAlgorithm.to_jwk(new.public_key(), as_dict=True)
            jwks.write_text(json.dumps({"keys": [{**public, "kid": "new"}]}))
            assert status(score, token) == "UNAUTHENTICATED"
            assert status(score, "Bearer " + jwt.encode(claims(), new, "EdDSA", headers={"kid": "new"})) == "OK"
            access.unlink()
            assert status(score) == "PERMISSION_DENIED"
    finally:
        server.stop(0)


def test_a_new_certificate_is_shown_and_no_call_fails(live: Shop, own: Path) -> None:
    """Renewed under load: open connections go on, new ones see the new one; a key of another is not taken."""
    server = started(live, own)
    codes: list[str] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            with channel_of(server, own) as channel:  # a new handshake each
                codes.append(status(every_call(channel)["/cerebro.scorer.v1.Scorer/Score"]))

    asking = threading.Thread(target=ask)
    try:
        with channel_of(server, own) as open_before:
            score = every_call(open_before)["/cerebro.scorer.v1.Scorer/Score"]
            assert status(score) == "OK"
            asking.start()
            before = shown(server)
            (own / "scorer" / "tls.key").write_bytes(authority.pem(ec.generate_private_key(ec.SECP256R1())))
            assert shown(server) == before
            shutil.copytree(renewed(own), own / "scorer", dirs_exist_ok=True)
            end = time.monotonic() + 5
            while shown(server) == before:
                assert time.monotonic() < end
            assert status(score) == "OK"
    finally:
        stop.set()
        asking.join()
        server.stop(0)
    assert len(codes) > 3 and set(codes) == {"OK"}


def shown(server: Server) -> str:
    """The certificate that the server shows."""
    import ssl

    host, _, port = server.address.rpartition(":")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    import socket

    with socket.create_connection((host, int(port)), 5) as plain, context.wrap_socket(plain) as found:
        return ssl.DER_cert_to_PEM_cert(found.getpeercert(True) or b"")


def test_a_caller_has_a_rate_of_his_own(live: Shop, own: Path) -> None:
    access = own / "scorer" / "access.toml"
    access.write_text(access.read_text().replace("calls_per_second = 500", "calls_per_second = 5"))
    server = started(live, own)
    try:
        with channel_of(server, own) as channel:
            score = every_call(channel)["/cerebro.scorer.v1.Scorer/Score"]
            flood = [status(score, f"Bearer {signed(own, sub='flood')}") for _ in range(12)]
            assert flood.count("RESOURCE_EXHAUSTED") >= 4 and flood[:5] == ["OK"] * 5
            assert [status(score, f"Bearer {signed(own, sub='polite')}") for _ in range(5)] == ["OK"] * 5
    finally:
        server.stop(0)


def test_a_folder_that_cannot_be_used_is_told_at_the_start(live: Shop, own: Path) -> None:
    part = own / "scorer"
    bodies = {path.name: path.read_bytes() for path in part.iterdir()}
    for name, body in bodies.items():
        for damaged in (None, b"", body[:-20], b"\x00\xff", b"[]"):
            if name == "ca.crt" and damaged is None:
                continue  # no certificate of callers is asked for: a way to run it
            if name == "access.toml" and damaged == b"":
                continue  # nobody is let in, which is what it says
            part.joinpath(name).unlink()
            if damaged is not None:
                part.joinpath(name).write_bytes(damaged)
            with pytest.raises(BadSetting):
                Server(replace(live.settings, scorer_keys=str(part)), "127.0.0.1:0").stop(0)
            part.joinpath(name).write_bytes(body)


def test_the_client_shows_what_its_folder_holds(closed: Server, keys: Path, tmp_path: Path) -> None:
    for path, shown in ((keys / "caller", "OK"), (tmp_path, "INVALID_ARGUMENT"), (Path(), "UNAVAILABLE")):
        try:
            with ScorerClient(closed.address, keys="" if path == Path() else str(path)) as client:
                assert client.score("US", LIVELY).known
            found = "OK"
        except ScorerError as error:
            found = error.code
        assert found == shown
    folder = Path(shutil.copytree(keys / "caller", tmp_path / "caller"))
    folder.joinpath("token").write_text(authority.token(keys, "crm", ["agent"], ["US"], HOUR) + "\n")
    with ScorerClient(closed.address, keys=str(folder)) as client:
        assert client.score("US", LIVELY).known
        with pytest.raises(ScorerError, match="roles"):
            client.score_batch("US", [LIVELY])
        folder.joinpath("token").write_text(authority.token(keys, "crm", ["system"], ["US"], HOUR))
        assert client.score_batch("US", [LIVELY])[0].known


def test_keys_are_made_once_and_are_the_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "keys"
    assert authority.make(folder, ["scorer.internal"])
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert not authority.make(folder) and {path: path.read_bytes() for path in before} == before
    assert all(path.stat().st_mode & 0o077 == 0 for path in [folder, *folder.rglob("*")])
    assert authority.make(folder, replace=True)
    after = {path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert not after & {body for path, body in before.items() if path.name != "access.toml"}
    assert [path.name for path in folder.parent.iterdir()] == ["keys"]
    strangers = tmp_path / "other"
    strangers.mkdir()
    with pytest.raises(UserError):
        authority.make(strangers, replace=True)

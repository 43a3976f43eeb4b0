"""The console's certificate is renewed under requests, and what cannot be used leaves the one before."""

from __future__ import annotations

import http.client
import shutil
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from console import tls
from local import authority
from scv.errors import BadSetting
from scv.settings import Settings
from tests.console.desk import Desk, away, child, desk, trust, well
from tests.console.test_door import bearer
from tests.credentials import renewed


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    assert authority.make(folder)
    return folder


def shown(console: Desk) -> str:
    """The certificate that the next connection sees."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", console.port), 5) as plain, context.wrap_socket(plain) as found:
        return ssl.DER_cert_to_PEM_cert(found.getpeercert(True) or b"")


def test_a_new_certificate_is_shown_and_no_request_fails(settings: Settings, own: Path) -> None:
    """A connection that is open goes on; a key of another certificate is not taken."""
    codes, stop = list[int](), threading.Event()
    with desk(settings, child(), well, keys=own, **away()) as console:
        token = bearer(own, "viewer")

        def ask() -> None:
            while not stop.is_set():
                codes.append(console.ask("GET", "/api/v1/health", Authorization=token).status)

        asking = threading.Thread(target=ask)
        asking.start()
        open_before = http.client.HTTPSConnection("127.0.0.1", console.port, timeout=30, context=console.trust)
        open_before.connect()
        try:
            before = shown(console)
            (own / "scorer" / "tls.key").write_bytes(authority.pem(ec.generate_private_key(ec.SECP256R1())))
            assert shown(console) == before
            for damaged in (b"", b"\x00\xff", b"-----BEGIN CERTIFICATE-----\n"):
                (own / "scorer" / "tls.crt").write_bytes(damaged)
                assert shown(console) == before
            shutil.copytree(renewed(own), own / "scorer", dirs_exist_ok=True)
            end = time.monotonic() + 5
            while shown(console) == before:
                assert time.monotonic() < end
            open_before.request("GET", "/api/v1/health", headers={"Authorization": token})
            assert open_before.getresponse().status == 200
        finally:
            stop.set()
            asking.join()
            open_before.close()
    assert len(codes) > 3 and set(codes) == {200}


def test_another_authority_counts_from_the_next_connection_on(settings: Settings, own: Path, tmp_path: Path) -> None:
    """That of callers; the old one's certificates open nothing any more."""
    assert authority.make(tmp_path / "next")
    with desk(settings, child(), well, keys=own, **away()) as console:
        old = Desk(console.port, console.jobs, console.runner, console.app, trust(own, "caller"))
        new = trust(own)
        new.load_cert_chain(tmp_path / "next/caller/tls.crt", tmp_path / "next/caller/tls.key")
        later = Desk(console.port, console.jobs, console.runner, console.app, new)
        assert old.ask("GET", "/api/v1/status").status == 200
        with pytest.raises((OSError, http.client.HTTPException)):
            later.ask("GET", "/api/v1/status")
        shutil.copyfile(tmp_path / "next/scorer/ca.crt", own / "scorer/ca.crt")
        assert later.ask("GET", "/api/v1/status").status == 200
        with pytest.raises((OSError, http.client.HTTPException)):
            Desk(old.port, old.jobs, old.runner, old.app, _fresh(own, tmp_path)).ask("GET", "/api/v1/status")


def _fresh(own: Path, tmp_path: Path) -> ssl.SSLContext:
    """Without what a session of before may have left; the server's own certificate is of the old authority still."""
    found = ssl.create_default_context()
    found.check_hostname, found.verify_mode = False, ssl.CERT_NONE
    found.load_cert_chain(own / "caller/tls.crt", own / "caller/tls.key")
    return found


def test_old_protocols_are_not_spoken(settings: Settings, own: Path) -> None:
    with desk(settings, child(), well, keys=own, **away()) as console:
        context = trust(own)
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
        with pytest.warns(DeprecationWarning):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", console.port), 5) as plain, pytest.raises((OSError, ssl.SSLError)):
            context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_a_connection_that_asks_nothing_gives_its_place_back(
    settings: Settings, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silent ones and half a head; one that asked stays, and a stranger's is ended with the refusal."""
    monkeypatch.setattr(tls, "SILENT_S", 0.3)
    with desk(settings, child(), well, keys=own, **away()) as console:
        assert console.trust is not None
        for raw in (
            b"",
            b"GET /api/v1/health HTTP/1.1\r\nHost: a\r\n",
            b"GET /api/v1/health HTTP/1.1\r\nHost: a\r\n\r\n",
        ):
            plain = socket.create_connection(("127.0.0.1", console.port), 10)
            with console.trust.wrap_socket(plain, server_hostname="127.0.0.1") as found:
                found.sendall(raw)
                answer = b"".join(iter(lambda found=found: found.recv(4096), b""))
            assert (b" 401 " in answer) is raw.endswith(b"\r\n\r\n")
        stays = http.client.HTTPSConnection("127.0.0.1", console.port, timeout=30, context=console.trust)
        for _ in range(2):
            stays.request("GET", "/api/v1/health", headers={"Authorization": bearer(own, "viewer")})
            reply = stays.getresponse()
            assert reply.status == 200 and reply.read()
            time.sleep(0.5)
        stays.close()


@pytest.mark.parametrize("name", ["tls.crt", "tls.key", "ca.crt"])
def test_a_folder_that_cannot_be_used_is_told_at_the_start(own: Path, name: str) -> None:
    part = own / "scorer"
    body = (part / name).read_bytes()
    for damaged in (None, b"", body[:-20], b"\x00\xff", b"[]"):
        (part / name).unlink()
        if damaged is not None:
            (part / name).write_bytes(damaged)
        if name == "ca.crt" and damaged is None:
            tls.context(part)  # no certificate of callers counts: a way to run it
        else:
            with pytest.raises(BadSetting):
                tls.context(part)
        (part / name).write_bytes(body)

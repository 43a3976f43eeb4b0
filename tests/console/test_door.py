"""The closed console over real TLS: every route × every role × every kind of wrong credential, and 0 of them open."""

from __future__ import annotations

import base64
import http.client
import json
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest
from fastapi.routing import iter_route_contexts

from access import watched_file
from access.caller import ROLES
from console import door, logins, permissions
from console.door import COOKIE
from console.login import TICKET
from console.permissions import EVERYONE, RIGHTS
from local import authority
from scv.settings import Settings
from tests.console.desk import Desk, Reply, away, child, desk, trust, well
from tests.credentials import HOUR, signed, wrong_tokens

ORDER = {"countries": ["US"], "dates": ["2017-01-31"], "fetchers": ["mail"]}
PLACES = {"country": "US", "customer_id": "900", "date": "2017-01-31", "target": "lapse"}
PAGE = {"Accept": "text/html"}
SOME = ("GET /", "GET /api/v1/status", "POST /api/v1/fetches")
"""Routes that say for all what a bad token is worth beside something good."""


def registered(app: Any) -> dict[str, str]:
    """Every route that the app has, as `METHOD /template` → its path with something in its places."""
    found = {}
    for one in iter_route_contexts(app.routes):
        for method in set(one.methods or ("WEBSOCKET",)) - {"HEAD"}:
            path = re.sub(r"\{(\w+)(:\w+)?\}", lambda met: PLACES.get(met[1], "none"), one.path)
            found[f"{method} {one.path}"] = f"{method} {path}"
    return found


def every_request(app: Any) -> dict[str, tuple[str, str, object]]:
    """Of every route but the public ones: method, path, and a body that might do something."""
    found = {}
    for row, line in registered(app).items():
        method, path = line.split(" ", 1)
        if not RIGHTS[row].public:
            found[row] = (method, path, None if method == "GET" else ORDER)
    return found


def bearer(keys: Path, *roles: str, **more: Any) -> str:
    return f"Bearer {signed(keys, roles=list(roles), **more)}"


def is_open(reply: Reply) -> bool:
    """Did anything of the console answer? A person is led to the login, and a machine told that nobody knows it."""
    led = reply.status == 303 and reply.headers["location"] == "/login" and reply.text == ""
    told = reply.status in (400, 401, 403) and reply.headers["content-type"] in (
        "application/problem+json",
        "text/plain; charset=utf-8",
    )
    return not (led or told)


def logged_in(console: Desk, token: str) -> dict[str, str]:
    """The headers of a person who logged in on the page."""
    asked = console.ask("GET", "/login")
    nonce = asked.cookies[0].partition(";")[0]
    ticket = re.findall(r'name="ticket" value="(\w+)"', asked.text)[0]
    form = urlencode({"ticket": ticket, "token": token}).encode()
    reply = console.ask("POST", "/login", form, Cookie=nonce, Content_Type="application/x-www-form-urlencoded")
    assert (reply.status, reply.headers["location"]) == (303, "/"), reply.text
    cookie = next(one for one in reply.cookies if one.startswith(f"{COOKIE}="))
    for word in ("HttpOnly", "Secure", "SameSite=strict", "Path=/", "Max-Age="):
        assert word in cookie
    return {"Cookie": cookie.partition(";")[0]}


def csrf_of(console: Desk, headers: Mapping[str, str]) -> str:
    page = console.ask("GET", "/", **headers, **PAGE)
    assert page.status == 200
    return str(re.findall(r'<meta name="csrf-token" content="(\w+)"', page.text)[0])


def test_every_route_has_a_row(closed: Desk) -> None:
    """Whoever registers one says whose it is, and names country and customer so that the door knows them."""
    found = registered(closed.app)
    assert len(found) >= 12 and set(found) == set(RIGHTS)
    assert {"GET /api/v1/openapi.json", "POST /login", "GET /"} <= set(found)
    places = {name for row in RIGHTS for name in re.findall(r"\{(\w+)(?::\w+)?\}", row)}
    assert places <= {"country", "customer_id", "job_id", "date", "target", "id", "name"}
    public = {row for row, right in RIGHTS.items() if right.public}
    assert public == {"GET /login", "POST /login", "GET /console.css", "GET /console.js", "GET /icon.svg"}
    assert all(right.roles <= set(ROLES) and "admin" in right.roles for right in RIGHTS.values())


def test_the_page_shows_the_table() -> None:
    roles = ("viewer", "agent", "operator", "admin")
    rows = [
        f"| `{row}` | {' | '.join('all' if right.public else 'yes' if role in right.roles else '' for role in roles)} |"
        for row, right in RIGHTS.items()
    ]
    table = "\n".join(["| route | viewer | agent | operator | admin |", "|---|---|---|---|---|", *rows])
    assert table in (Path(__file__).parents[2] / "docs/access.md").read_text("utf-8"), table


def test_a_role_opens_its_routes_and_no_other(closed: Desk, keys: Path) -> None:
    for role in ROLES:
        token = bearer(keys, role)
        for row, (method, path, body) in every_request(closed.app).items():
            reply = closed.ask(method, path, body, Authorization=token)
            if role in RIGHTS[row].roles:
                assert reply.status not in (401, 403), (role, row, reply.text)
            else:
                assert reply.status == 403, (role, row, reply.status)


def test_rows_that_no_route_stands_behind_are_closed_alike(closed: Desk, keys: Path) -> None:
    """And whatever is in no row is nowhere, for whoever may anything at all."""
    viewer = bearer(keys, "viewer")
    assert closed.ask("GET", "/api/v1/customers/US/1", Authorization=viewer).status == 403
    for path in ("/api/v1/nothing", "/api/v1/fetches/", "//api/v1/fetches", "/api/v1/../v1/fetches", "/API/v1/fetches",
                 "/api/v1/fetches;a=b", "/api/v1/fetches%2f", "/docs", "/redoc", "/openapi.json",
                 "/login/", "/console.CSS"):  # fmt: skip
        assert closed.ask("GET", path, Authorization=viewer).status in (404, 422), path
        assert closed.ask("GET", path).status == 401, path
        assert closed.ask("GET", path, Authorization=bearer(keys, "system")).status == 403, path
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"):
        assert closed.ask(method, "/api/v1/fetches", Authorization=viewer).status == 405
        assert closed.ask(method, "/api/v1/fetches").status == 401
    for header in ("X-HTTP-Method-Override", "X-Method-Override"):
        reply = closed.ask("GET", "/api/v1/fetches", Authorization=viewer, **{header: "POST"})
        assert reply.status == 200 and reply.body == {"jobs": []}


def wrong_cookies(console: Desk, keys: Path, settings: Settings) -> dict[str, list[str]]:
    """Every kind of cookie that is none."""
    good = logged_in(console, signed(keys, roles=["admin"]))["Cookie"].partition("=")[2]
    key = (settings.home_path / "console" / "session.key").read_bytes()
    said = jwt.decode(good, key, ["HS256"], audience="cerebro-console")
    head, body, signature = good.split(".")
    raised = base64.urlsafe_b64encode(json.dumps(said | {"roles": ["admin"], "sub": "x"}).encode()).decode().rstrip("=")
    out = logged_in(console, signed(keys, roles=["admin"]))
    gone = console.ask("POST", "/logout", urlencode({"csrf": csrf_of(console, out)}).encode(), **out)
    assert gone.status == 303
    public = json.loads((keys / "scorer" / "jwks.json").read_text())["keys"][0]["x"]

    def made(secret: Any = key, algorithm: str = "HS256", **other: Any) -> str:
        claims = {name: value for name, value in (said | other).items() if value is not None}
        return jwt.encode(claims, secret, algorithm)

    assert (
        not is_open(console.ask("GET", "/api/v1/status"))
        and console.ask("GET", "/api/v1/status", Cookie=f"{COOKIE}={made()}").status == 200
    ), "as it is made here, it is a good one"
    return {
        "empty": [""], "garbage": ["x.y.z"], "brackets": ["[" * 3000], "long": ["x" * 9000],
        "two": [good, good], "of another body": [f"{head}.{raised}.{signature}"], "cut": [good[:-4]],
        "signature left out": [f"{head}.{body}."], "unsigned": [made(None, "none")],
        "of another key": [made(b"k" * 32)], "by a public key": [made(public.encode())],
        "a token": [signed(keys)], "for others": [made(aud="cerebro")], "expired": [made(exp=said["exp"] - 10**6)],
        "without end": [made(exp=None)], "of nobody": [made(sub=None)], "of no token": [made(by="0" * 32)],
        "without a token": [made(by=None)], "without an id": [made(jti=None)],
        "logged out": [out["Cookie"][len(COOKIE) + 1 :]],
    }  # fmt: skip


def test_no_wrong_credential_opens_any_route(closed: Desk, keys: Path, settings: Settings) -> None:
    """Nothing shown, every wrong token, every wrong cookie, a cookie as a token, a certificate of nobody's name; and
    neither a good certificate nor a good cookie makes up for a bad token."""
    certified = replace(closed, trust=trust(keys, "caller"))
    cookie = logged_in(closed, signed(keys, roles=["admin"]))
    shown: dict[str, dict[str, Any]] = {
        "nothing": {},
        "a cookie as a token": {"Authorization": f"Bearer {cookie['Cookie']}"},
    }
    shown |= {f"token: {kind}": {"Authorization": one} for kind, one in wrong_tokens(keys).items()}
    shown |= {
        f"cookie: {kind}": {"Cookie": [f"{COOKIE}={value}" for value in values]}
        for kind, values in wrong_cookies(closed, keys, settings).items()
    }
    shown["a cookie of another name"] = {"Cookie": cookie["Cookie"].replace(COOKIE, "cerebro")}
    opened, asked = list[tuple[str, str, object]](), 0
    for kind, headers in shown.items():
        for row, (method, path, body) in every_request(closed.app).items():
            reply = many(closed, method, path, body, headers)
            asked += 1
            opened += [(kind, row, reply.status)] if is_open(reply) else []
            if kind.startswith("token: ") and row in SOME:
                reply = many(closed, method, path, body, headers | cookie)
                opened += [(kind, row, "beside a cookie")] if is_open(reply) else []
                reply = many(certified, method, path, body, headers)
                opened += [(kind, row, "beside a certificate")] if is_open(reply) else []
    assert opened == [] and asked > 500
    assert closed.ask("GET", "/api/v1/fetches", Authorization=bearer(keys, "admin")).body == {"jobs": []}


def many(console: Desk, method: str, path: str, body: object, headers: Mapping[str, Any]) -> Reply:
    """A request whose headers may come several times."""
    connection = console._connection()
    try:
        connection.putrequest(method, path)
        sent = b"" if body is None else json.dumps(body).encode()
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(sent))}.items():
            connection.putheader(name, value)
        for name, value in headers.items():
            for one in value if isinstance(value, list) else [value]:
                connection.putheader(name, one)
        connection.endheaders(sent)
        answer = connection.getresponse()
        return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def test_a_certificate_counts_by_its_name_and_its_authority(
    closed: Desk, keys: Path, own: Path, tmp_path: Path
) -> None:
    """One of ours that access.toml does not know is nobody; a stranger's, and plain text, come to no connection."""
    certified = replace(closed, trust=trust(keys, "caller"))
    assert certified.ask("GET", "/api/v1/status").status == 200
    assert certified.ask("POST", "/api/v1/fetches", ORDER).status == 202
    as_server = replace(closed, trust=trust(keys, "scorer"))  # a server's is not for callers
    authority.make(tmp_path / "other")
    strangers = trust(keys)
    strangers.load_cert_chain(tmp_path / "other/caller/tls.crt", tmp_path / "other/caller/tls.key")
    for one in (as_server, replace(closed, trust=strangers), replace(closed, trust=None)):
        with pytest.raises((OSError, http.client.HTTPException)):
            one.ask("GET", "/api/v1/status")
    authorized = keys / "scorer" / "access.toml"
    said = authorized.read_text()
    try:
        authorized.write_text(said.replace(authority.DEVELOPER, "somebody.else"))
        assert certified.ask("GET", "/api/v1/status").status == 401
    finally:
        authorized.write_text(said)


def test_a_change_by_cookie_needs_what_only_his_page_knows(closed: Desk, keys: Path) -> None:
    one, other = (logged_in(closed, signed(keys, roles=["admin"], sub=name)) for name in ("anna", "bert"))
    csrf, others = csrf_of(closed, one), csrf_of(closed, other)
    again = logged_in(closed, signed(keys, roles=["admin"], sub="anna"))
    posts = {row: ask for row, ask in every_request(closed.app).items() if ask[0] != "GET"}
    assert len(posts) >= 3
    for wrong in ("", others, csrf_of(closed, again), csrf[:-1], csrf + "0", "\xe9" * 64, None):
        told = {} if wrong is None else {"X-CSRF-Token": wrong}
        for row, (method, path, body) in posts.items():
            reply = closed.ask(method, path, body, **one, **told)
            assert reply.status == 403 and "page of yours" in reply.body["detail"], (row, wrong)
    assert closed.ask("POST", f"/api/v1/fetches?csrf={csrf}", ORDER | {"csrf": csrf}, **one).status == 403
    form = urlencode({"csrf": csrf}).encode()
    assert (
        closed.ask("POST", "/api/v1/fetches", form, **one, Content_Type="application/x-www-form-urlencoded").status
        == 403
    )
    assert many(closed, "POST", "/api/v1/fetches", ORDER, one | {"X-CSRF-Token": [csrf, csrf]}).status == 403
    assert closed.ask("GET", "/api/v1/fetches", **one).body == {"jobs": []}
    assert closed.ask("POST", "/api/v1/fetches", ORDER, **one, **{"X-CSRF-Token": csrf}).status == 202
    for site in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        assert closed.ask("POST", "/api/v1/fetches", ORDER, **one, **{"X-CSRF-Token": csrf}, **site).status == 403


def test_a_login_ends_with_its_token_with_its_key_and_by_hand(
    settings: Settings, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not with the console, whose key survives it."""
    monkeypatch.setattr(watched_file, "EVERY_S", 0.0)
    monkeypatch.setattr(door, "STRANGERS_PER_SECOND", 0.0)
    with desk(settings, child(), well, keys=own, **away()) as console:
        stays, goes = (logged_in(console, signed(own, roles=["viewer"])) for _ in range(2))
        assert "somebody" in console.ask("GET", "/", **goes, **PAGE).text
        form = urlencode({"csrf": csrf_of(console, goes)}).encode()
        assert (
            console.ask("POST", "/logout", form, **goes, Content_Type="application/x-www-form-urlencoded").status == 303
        )
        assert console.ask("GET", "/api/v1/status", **goes).status == 401
    key = settings.home_path / "console" / "session.key"
    assert key.stat().st_mode & 0o077 == 0
    with desk(settings, child(), well, keys=own, **away()) as console:
        assert console.ask("GET", "/api/v1/status", **goes).status == 401, "its end outlives the console"
        assert console.ask("GET", "/api/v1/status", **stays).status == 200
        later = signed(own, roles=["viewer"])
        with monkeypatch.context() as moved:
            moved.setattr(logins, "wall_us", lambda: 0)
            hour = int(re.findall(r"Max-Age=(\d+)", _login_cookie(console, later))[0])
            assert HOUR.total_seconds() - 60 < hour <= HOUR.total_seconds() + 60
        assert authority.make(own / "next")
        (own / "scorer" / "jwks.json").write_bytes((own / "next" / "scorer" / "jwks.json").read_bytes())
        assert console.ask("GET", "/api/v1/status", **stays).status == 401, "the token's key is gone"
    key.chmod(0o644)
    with pytest.raises(Exception, match=r"session\.key"), desk(settings, child(), well, keys=own, **away()):
        pass


def _login_cookie(console: Desk, token: str) -> str:
    asked = console.ask("GET", "/login")
    form = {"ticket": re.findall(r'name="ticket" value="(\w+)"', asked.text)[0], "token": token}
    reply = console.ask("POST", "/login", urlencode(form).encode(), Cookie=asked.cookies[0].partition(";")[0])
    return next(one for one in reply.cookies if one.startswith(f"{COOKIE}="))


def test_nobody_is_logged_in_by_another_page_or_by_a_wrong_token(closed: Desk, keys: Path) -> None:
    good = signed(keys, roles=["admin"])
    asked, other = closed.ask("GET", "/login"), closed.ask("GET", "/login")
    nonce, ticket = asked.cookies[0].partition(";")[0], re.findall(r'name="ticket" value="(\w+)"', asked.text)[0]
    assert f"{TICKET}=" in nonce and "form-action 'self'" in asked.headers["content-security-policy"]
    assert asked.headers["referrer-policy"] == "same-origin", "with none, Chromium says Origin: null of our own form"
    elsewhere = re.findall(r'name="ticket" value="(\w+)"', other.text)[0]
    for form, cookie in (({"token": good}, nonce), ({"token": good, "ticket": ticket}, ""),
                         ({"token": good, "ticket": elsewhere}, nonce),
                         ({"token": good, "ticket": ""}, f"{TICKET}=")):  # fmt: skip
        reply = closed.ask("POST", "/login", urlencode(form).encode(), Cookie=cookie)
        assert reply.status == 403 and not any(one.startswith(f"{COOKIE}=") for one in reply.cookies)
    for kind, shown in wrong_tokens(keys).items():
        for one in shown[:1]:
            token = str(one).removeprefix("Bearer").strip()
            reply = closed.ask("POST", "/login", urlencode({"token": token, "ticket": ticket}).encode(), Cookie=nonce)
            if kind in ("two", "no role", "roles of others", "no role at all"):
                continue  # a token, whose login opens nothing
            assert reply.status == 401 and not any(c.startswith(f"{COOKIE}=") for c in reply.cookies), kind
            assert token[:40] not in reply.text or len(token) < 10
    led = closed.ask("GET", "/", Accept="text/html")
    assert (led.status, led.headers["location"]) == (303, "/login")
    fat = signed(keys, roles=["admin"], sub="x" * 4000)
    reply = closed.ask("POST", "/login", urlencode({"token": fat, "ticket": ticket}).encode(), Cookie=nonce)
    assert reply.status == 401


def test_a_caller_is_kept_to_his_countries(closed: Desk, keys: Path) -> None:
    """By path, by query, by body at any depth and however it is spelt, and by the job that he asks about."""
    everywhere = bearer(keys, "admin")
    theirs = closed.ask("POST", "/api/v1/fetches", ORDER | {"countries": ["ZZ", "US"]}, Authorization=everywhere).body
    his = closed.ask("POST", "/api/v1/fetches", ORDER, Authorization=everywhere).body
    for countries in (["DE"], [], None, ["us"], "DE FR"):
        token = bearer(keys, *EVERYONE, countries=countries)
        assert closed.ask("GET", f"/api/v1/fetches/{his['id']}", Authorization=token).status == 403
        assert closed.ask("POST", "/api/v1/fetches", ORDER, Authorization=token).status == 403
        assert closed.ask("GET", "/api/v1/customers/US/1", Authorization=token).status == 403
        assert closed.ask("GET", "/api/v1/fetches", Authorization=token).body == {"jobs": []}
    token = bearer(keys, *EVERYONE, countries=["US"])
    for path in ("/api/v1/customers/DE/1", "/api/v1/customers/DE/1/history", "/api/v1/scv/DE", "/api/v1/scv/us",
                 "/api/v1/customers/%44%45/1", "/customers?country=DE&id=1", "/jobs?country=US&country=DE",
                 "/api/v1/dead-letters/letters", "/letters", "/api/v1/tuesdays/DE/2017-09-05/files/a.csv",
                 "/api/v1/customers/DE/a/b/c/history", "/api/v1/tuesdays?country=DE",
                 "/api/v1/models?countries=US,DE", "/api/v1/scv/US?country=DE",
                 f"/api/v1/fetches/{theirs['id']}", f"/api/v1/fetches/{theirs['id']}/events"):  # fmt: skip
        assert closed.ask("GET", path, Authorization=token).status == 403, path
    for path in (
        "/api/v1/customers/US/1",
        "/customers?country=US&id=1",
        f"/api/v1/fetches/{his['id']}",
        "/api/v1/scv/US",
    ):
        assert closed.ask("GET", path, Authorization=token).status not in (401, 403), path
    assert closed.ask("POST", f"/api/v1/fetches/{theirs['id']}/cancel", Authorization=token).status == 403
    for path in ("/api/v1/dead-letters/send", "/api/v1/feedback?name=contacts_US_2017-09-05.xlsx"):
        assert closed.ask("POST", path, {}, Authorization=token).status == 403, "of every country, for all we know"
    for body in (ORDER | {"countries": ["US", "DE"]}, ORDER | {"country": "DE"}, [{"country": "US"}, {"country": "DE"}],
                 b'{"country": "US", "country": "DE"}', b'{"country": "DE", "country": "US"}',
                 {"a": [{"country": "DE"}]},
                 '{"country": "DE"}'.encode("utf-16"), b'{"country":"US"}\n{"country":"DE"}', b'{"\\u0063ountry":"DE"}',
                 b'{"country":"US"}\n{"country":\r"DE"}', json.dumps({"x": 1, "country": "DE"}).encode() + b"\n" * 9,
                 b'{"n":' + b"9" * 6000 + b',"country":"DE"}'):  # fmt: skip
        for path in ("/api/v1/fetches", "/api/v1/events"):
            assert closed.ask("POST", path, body, Authorization=token).status == 403, (path, body)
    for body in (b'{"country":"US"}{"country":"DE"}', b'{"country":"US"}\r{"country":"DE"}', b"[" * 100_000, b"\xff{}"):
        assert closed.ask("POST", "/api/v1/events", body, Authorization=token).status == 422, body
    listed = closed.ask("GET", "/api/v1/fetches", Authorization=token).body["jobs"]
    assert [one["id"] for one in listed] == [his["id"]]
    for path in ("/", "/jobs", "/customers", "/models", "/tuesdays"):
        page = closed.ask("GET", path, Authorization=token).text
        assert theirs["id"] not in page and ">ZZ<" not in page and '"ZZ"' not in page, path
    assert his["id"] in closed.ask("GET", "/jobs", Authorization=token).text
    assert closed.ask("POST", "/api/v1/fetches", ORDER, Authorization=token).status == 202


def test_headers_of_the_hostile_change_nothing(closed: Desk, keys: Path) -> None:
    token = bearer(keys, "viewer")
    for headers in (
        {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "http", "Forwarded": "for=127.0.0.1"},
        {"X-Original-URL": "/api/v1/health", "X-Rewrite-URL": "/login", "X-Forwarded-Prefix": "/login"},
        {"X-Certificate-Names": authority.DEVELOPER, "X-SSL-Client-CN": authority.DEVELOPER, "X-User": "admin"},
        {"Host": "evil.example"}, {"Host": "[::1"}, {"Host": ""}, {"Cookie": ";;;=;" * 500},
        {"Accept": "text/html" * 300}, {"Upgrade": "websocket"}, {"Cookie": f"{COOKIE}=\xff"},
        {"Authorization": "\xff\xfe"}, {"Authorization": "Bearer \xe9"},
    ):  # fmt: skip
        assert many(closed, "GET", "/api/v1/status", None, headers).status in (400, 401), headers
        if "Authorization" not in headers and "Cookie" not in headers:
            assert many(closed, "GET", "/api/v1/status", None, headers | {"Authorization": token}).status in (200, 400)
            assert many(closed, "POST", "/api/v1/fetches", ORDER, headers | {"Authorization": token}).status in (
                400,
                403,
            )
    for raw in (
        b"GET https://evil.example/api/v1/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /login HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        b"GET /api/v1/status HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /api/v1/status HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        b"GET /api/v1/status HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
    ):
        assert b'"countries"' not in spoken(closed, raw), raw[:80]


def spoken(console: Desk, raw: bytes) -> bytes:
    """What comes back for bytes as they are."""
    found = b""
    with socket.create_connection(("127.0.0.1", console.port), 5) as plain:
        assert console.trust is not None
        with console.trust.wrap_socket(plain, server_hostname="127.0.0.1") as open_:
            open_.settimeout(3)
            try:
                open_.sendall(raw)
                while more := open_.recv(4096):
                    found += more
            except (OSError, ssl.SSLError):
                pass
    return found


def test_a_caller_has_a_rate_of_his_own(settings: Settings, own: Path) -> None:
    access = own / "scorer" / "access.toml"
    access.write_text(access.read_text().replace("calls_per_second = 500", "calls_per_second = 5"))
    with desk(settings, child(), well, keys=own, **away()) as console:
        flood = [
            console.ask("GET", "/api/v1/health", Authorization=bearer(own, "admin", sub="flood")) for _ in range(30)
        ]
        refused = [one for one in flood if one.status == 429]
        assert len(refused) >= 4 and flood[0].status == 200
        assert (
            refused[0].headers["retry-after"] == "1"
            and refused[0].headers["content-type"] == "application/problem+json"
        )
        polite = [
            console.ask("GET", "/api/v1/health", Authorization=bearer(own, "admin", sub="polite")) for _ in range(5)
        ]
        assert [one.status for one in polite] == [200] * 5
        strangers = {console.ask("GET", "/api/v1/health").status for _ in range(60)}
        assert strangers <= {401, 429}
        assert console.ask("GET", "/api/v1/health", Authorization=bearer(own, "admin", sub="later")).status == 200


def test_without_keys_this_machine_is_the_admin(settings: Settings) -> None:
    """The same table all the same: what is in no row is nowhere."""
    with desk(settings, child(), well, **away()) as console:
        assert console.ask("POST", "/api/v1/fetches", ORDER).status == 202
        assert console.ask("GET", "/login").headers["location"] == "/"
        assert console.ask("GET", "/api/v1/nothing").status == 404
        assert '<meta name="csrf-token" content=""/>' in console.ask("GET", "/").text
    assert permissions.find("GET", "/api/v1/nothing") == []

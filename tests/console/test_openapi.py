"""The description: every route is in it with words and examples, `cerebro api` prints a line for each, and whatever is
asked of any of them is no bug of ours.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cli
from console import curl
from console.app import API, description
from console.routes.events import ORDER
from console.views import VIEWS
from tests.console.desk import LIVELY, Desk
from tests.hostile import REFUSED, TAKEN

SAID = description()
OPERATIONS = [(path, method, one) for path, methods in SAID["paths"].items() for method, one in methods.items()]
KNOWN = {"customer_id": LIVELY, "id": "lapse-20", "name": "scores_US_2017-09-05.csv"}
DESTROYS = ("/api/v1/tuesdays/{country}/{date}/withdraw", "/api/v1/dead-letters/send")
"""What would take from other tests what they look at: asked of a country, or letters, that there are not."""


def test_every_route_has_a_name_of_its_own_in_a_module_of_its_own() -> None:
    routes = [one for room in (*API, *VIEWS) for one in room.router.routes if isinstance(one, APIRoute)]
    names = [one.name for one in routes]
    assert len(names) == len(set(names)) > 30
    for room in (*API, *VIEWS):
        assert room.router.routes, room.__name__
    by_chance = {one.name for one in routes if one.name == one.endpoint.__name__}
    assert by_chance <= {"status", "health", "customer", "script", "style", "icon"}


def test_openapi_says_what_everything_is_with_an_example(console: Desk) -> None:
    assert console.ask("GET", "/api/v1/openapi.json").body == json.loads(json.dumps(SAID))
    assert SAID["openapi"].startswith("3.1")
    for path, method, operation in OPERATIONS:
        assert operation["description"] and operation["tags"], (method, path)
        for one in operation.get("parameters", ()):
            assert one.get("description") or one["schema"].get("enum"), (path, one["name"])
    for name, schema in SAID["components"]["schemas"].items():
        if name.startswith(("HTTPValidation", "ValidationError")):
            continue
        assert schema.get("description"), name
        given = schema.get("examples") or all(
            "examples" in one or "default" in one or "const" in one or "items" in one or "$ref" in str(one)
            for one in schema.get("properties", {}).values()
        )
        assert given, name


def test_the_command_prints_a_line_for_each_route(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["api"]) == 0
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("curl ")]
    assert len(printed) == len(OPERATIONS) and not any("{" in shlex.split(line)[-1] for line in printed)
    assert cli.main(["api", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["paths"].keys() == SAID["paths"].keys()


def test_the_lines_are_what_curl_can_send(open_shop: Desk) -> None:
    """Each that reads: no 404 of the router, no 405, no 500."""
    address = f"http://127.0.0.1:{open_shop.port}"
    seen = dict[str, str]()
    for does, line in curl.lines(SAID, address):
        words = shlex.split(line)
        if "-d" in words or "-X" in words or "--data-binary" in words or "-N" in words:
            continue
        done = subprocess.run(
            [*words, "-o", "/dev/null", "-w", "%{http_code}"], capture_output=True, text=True, check=True
        )
        seen[does] = done.stdout
    assert len(seen) > 12 and set(seen.values()) <= {"200", "404", "503"}, seen


WORDS = st.one_of(
    st.sampled_from(
        [
            *TAKEN,
            *(one for one in REFUSED if one.isprintable()),
            LIVELY,
            "US",
            "ZZ",
            "lapse",
            "lapse-20",
            "2017-09-05",
            "now",
        ]
    ),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=30),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)), max_leaves=6,
)  # fmt: skip


def shaped(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Mostly what a schema asks for, now and then something else."""
    if "$ref" in schema:
        schema = SAID["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "enum" in schema:
        return st.one_of(st.sampled_from(schema["enum"]), VALUES)
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "string": WORDS,
        "integer": st.integers(-5, 10**20),
        "number": st.floats(allow_nan=False),
        "boolean": st.booleans(),
    }
    kind = schema.get("type")
    if kind == "array":
        return st.one_of(st.lists(shaped(schema.get("items", {})), max_size=3), VALUES)
    if kind == "object" and "properties" in schema:
        fields = {name: st.one_of(shaped(one), VALUES) for name, one in schema["properties"].items()}
        return st.one_of(st.fixed_dictionaries({}, optional=fields), VALUES)
    return st.one_of(kinds.get(str(kind), VALUES), VALUES)


@st.composite
def nearly(draw: st.DrawFn, event: dict[str, Any]) -> Any:
    """Some events, in each of which some fields are others."""
    fields = st.dictionaries(st.one_of(st.sampled_from([*event, "seen_at", "stars"]), WORDS), VALUES, max_size=3)
    some = [
        event | {"country": "US", "seen_at": event["occurred_at"]} | one for one in draw(st.lists(fields, max_size=3))
    ]
    return some if draw(st.booleans()) else [*some, draw(VALUES)]


@st.composite
def asked(
    draw: st.DrawFn, path: str, method: str, operation: dict[str, Any]
) -> tuple[str, str, bytes | None, dict[str, str]]:
    """A request of a route."""
    destroys = path in DESTROYS
    query, headers = [], {"Accept": draw(st.sampled_from(["*/*", "application/json", "text/csv", "x/y;q=0", ""]))}
    for one in operation.get("parameters", ()):
        example = next(iter(one["schema"].get("examples", ["US"])))
        known = st.just(KNOWN.get(one["name"], str(example[0] if isinstance(example, list) else example)))
        value = draw(st.one_of(known, known, WORDS))
        if one["in"] == "path":
            spoilt = destroys and one["name"] == "country"
            path = path.replace("{" + one["name"] + "}", quote("QQ" if spoilt else value or "x", safe=""))
        elif one["in"] == "query" and draw(st.booleans()):
            query += [(one["name"], value)] * draw(st.integers(1, 2))
    content = operation.get("requestBody", {}).get("content", {})
    body = None
    if method == "post":
        kind = next(iter(content), "application/json")
        schema = content.get(kind, {}).get("schema", {})
        made = draw(nearly(ORDER) if path == "/api/v1/events" else st.one_of(shaped(schema), VALUES))
        body = draw(st.one_of(st.just(json.dumps(made).encode()), st.binary(max_size=40)))
        headers["Content-Type"] = draw(st.sampled_from([kind, "application/json", "text/plain"]))
    return method.upper(), path + (f"?{urlencode(query)}" if query else ""), body, headers


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=[f"{m} {p}" for p, m, _ in OPERATIONS])
def test_nothing_that_is_asked_is_a_bug_of_ours(
    open_shop: Desk, path: str, method: str, operation: dict[str, Any]
) -> None:
    if path.endswith("/events") and method == "get":
        pytest.skip("a stream: followed in its own test")

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(asked(path, method, operation))
    def ask(request: tuple[str, str, bytes | None, dict[str, str]]) -> None:
        verb, address, body, headers = request
        if path in DESTROYS and "{country}" not in path:
            body = b'{"families": ["none"]}'
        reply = open_shop.ask(verb, address, body if body is not None else None, **headers)
        assert reply.status != 500, (verb, address, body, reply.text)
        if reply.status >= 400:
            assert reply.headers["content-type"] == "application/problem+json" and reply.body["detail"], address

    ask()

"""A line of curl for every route, made of its description: the examples that stand there are what is asked."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

METHODS = ("get", "post", "put", "delete")


def lines(api: Mapping[str, Any], address: str) -> Iterator[tuple[str, str]]:
    """(what it does, the line) of each, in the order of the description; `address` as http://host:port."""
    for path, methods in api["paths"].items():
        for method in METHODS:
            if method in methods:
                yield _summary(methods[method]), _line(api, f"{address}{path}", method, methods[method])


def _summary(operation: Mapping[str, Any]) -> str:
    return str(operation.get("description", "")).partition("\n")[0].strip()


def _line(api: Mapping[str, Any], url: str, method: str, operation: Mapping[str, Any]) -> str:
    query, words = [], ["curl", "-sS"]
    for one in operation.get("parameters", ()):
        value, needed = _example(one.get("example"), one.get("schema", {})), one.get("required", False)
        if one["in"] == "path":
            url = url.replace("{" + one["name"] + "}", quote(str(value), safe=""))
        elif one["in"] == "query" and (needed or _named(one)):
            query += [(one["name"], each) for each in (value if isinstance(value, list) else [value])]
    replies = operation.get("responses", {}).get("200", {}).get("content", {})
    if "text/event-stream" in replies:
        words.append("-N")
    words += _body(api, operation) if method != "get" else []
    if method != "get" and "-d" not in words and "--data-binary" not in words:
        words += ["-X", method.upper()]
    return shlex.join([*words, url + (f"?{urlencode(query)}" if query else "")])


def _named(parameter: Mapping[str, Any]) -> bool:
    """Has it an example of its own? Others are left at what they are by themselves."""
    return bool(parameter.get("schema", {}).get("examples") or parameter.get("examples"))


def _example(given: Any, schema: Mapping[str, Any]) -> Any:
    examples = schema.get("examples") or [one for each in schema.get("anyOf", ()) for one in each.get("examples", ())]
    return given if given is not None else examples[0] if examples else schema.get("default", "")


def _body(api: Mapping[str, Any], operation: Mapping[str, Any]) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {})
    for kind, of in content.items():
        if of.get("schema", {}).get("format") == "binary":
            return ["-H", f"Content-Type: {kind}", "--data-binary", "@contacts.xlsx"]
        example = of.get("example", _of_schema(api, of.get("schema", {})))
        return ["-H", f"Content-Type: {kind}", "-d", json.dumps(example, ensure_ascii=False)]
    return []


def _of_schema(api: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    """The first example of a schema, or of the one that it refers to."""
    if found := re.fullmatch(r"#/components/schemas/(\w+)", schema.get("$ref", "")):
        schema = api["components"]["schemas"][found[1]]
    return (schema.get("examples") or [{}])[0]

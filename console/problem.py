"""What went wrong, as problem documents (RFC 9457) in the command line's sentences, without a path of this machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from console import page
from rpc.client import ScorerError
from scv import machine
from scv.errors import (
    BadEvents,
    BadPlace,
    BadSetting,
    Busy,
    CerebroError,
    NoSnapshot,
    NoWeek,
    UnknownName,
    Unreachable,
    UserError,
    did_you_mean,
)

MEDIA = "application/problem+json"
BUG = "Something went wrong in Cerebro, and it is a bug. The console's log says where."
NOTHING, NOT_SO = "There is nothing here. /api/v1/openapi.json says what there is.", "Not with this method."
OF_SCORER = {
    "NOT_FOUND": 404, "INVALID_ARGUMENT": 422, "FAILED_PRECONDITION": 422, "RESOURCE_EXHAUSTED": 429,
    "PERMISSION_DENIED": 403,
}  # fmt: skip
"""What a scorer's status is over HTTP; of the rest it is the one that is away."""
BY_KIND: tuple[tuple[type[CerebroError], int], ...] = (
    (NoSnapshot, 404), (NoWeek, 404), (Busy, 429), (BadPlace, 503), (BadSetting, 503), (UserError, 422),
    (CerebroError, 503),
)  # fmt: skip
AGAIN_S = {429: "1", 503: "5"}
_PATH = re.compile(r"""(?<![\w/:.])/(?:[^\s'",:;()]+/)+([^\s'",:;()/]*)""")


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    pointer: str = Field(description="The field as a JSON pointer.", examples=["/countries/0"])
    detail: str = Field(examples=["Unknown country 'DE'. Known: US, ZX, ZY, ZZ."])


class Problem(BaseModel):
    """RFC 9457: what went wrong, in a sentence for a person."""

    model_config = ConfigDict(title="Problem")

    type: str = "about:blank"
    title: str = Field(description="The status in words.", examples=["Unprocessable Entity"])
    status: int = Field(examples=[422])
    detail: str = Field(description="What, where and what to do.", examples=["Unknown country 'DE'. Known: US, ZY."])
    errors: list[FieldProblem] = Field(default=[], description="By field, where fields are wrong.")


class NotGranted(Exception):
    """A request that is not granted: `status` and a sentence; `errors` by JSON pointer, `headers` of the reply."""

    def __init__(
        self, status: int, detail: str, errors: Sequence[tuple[str, str]] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors, self.headers = status, detail, errors, headers


def reply(
    status: int, detail: str, errors: Iterable[tuple[str, str]] = (), headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """The document as a response."""
    told = [FieldProblem(pointer=_whole(pointer), detail=_whole(words)) for pointer, words in errors]
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=_whole(detail), errors=told)
    return JSONResponse(body.model_dump(), status, dict(headers or {}), MEDIA)


def _whole(text: str) -> str:
    """What can be sent: halves of a character, which JSON lets through, become question marks."""
    return text.encode(errors="replace").decode()


def answer(
    request: Request,
    status: int,
    detail: str,
    errors: Iterable[tuple[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The document; or a page that says it, where a browser asked for a page."""
    asks_for_page = "text/html" in request.headers.get("accept", "")
    if request.url.path.startswith("/api/") or not asks_for_page:
        return reply(status, detail, errors, headers)
    return page.shown("problem", status, title=HTTPStatus(status).phrase, detail=detail)


def words(error: CerebroError | str) -> str:
    """An error's sentence for somebody who does not sit at this machine: of a path only its last name is left.

    >>> words("/home/x/var/lake/orders: no room is left on its disk.")
    'orders: no room is left on its disk.'
    """
    return _PATH.sub(r"\1", error.told if isinstance(error, UnknownName) else str(error))


def install(app: FastAPI) -> None:
    """Every error of this app becomes such a document."""
    app.add_exception_handler(NotGranted, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(CerebroError, _ours)
    app.add_exception_handler(ScorerError, _of_scorer)
    for kind in _kinds():
        app.add_exception_handler(kind, _of_machine)
    app.add_exception_handler(Exception, _bug)


def _kinds() -> list[type[Exception]]:
    """What the machine raises, and libraries that read files and stores."""
    import duckdb
    import pyarrow
    import redis
    from deltalake.exceptions import DeltaError

    return [OSError, MemoryError, duckdb.Error, pyarrow.ArrowException, redis.RedisError, DeltaError]


def _refused(request: Request, error: Any) -> Response:
    return answer(request, error.status, error.detail, error.errors, error.headers)


def _invalid(request: Request, error: Any) -> Response:
    known = _known(request)
    errors = [_field(one, known) for one in error.errors()]
    return answer(request, 422, "\n".join(words for _, words in errors), errors)


def _known(request: Request) -> list[str]:
    """The fields that a route takes, in its body or its query."""
    dependant = getattr(request.scope.get("route"), "dependant", None)
    params = [*getattr(dependant, "body_params", ()), *getattr(dependant, "query_params", ())]
    models = [getattr(one.field_info, "annotation", None) for one in params]
    fields = [
        name for one in models if isinstance(one, type) and issubclass(one, BaseModel) for name in one.model_fields
    ]
    return fields or [one.alias for one in params]


def _field(error: Mapping[str, Any], known: Sequence[str]) -> tuple[str, str]:
    place = [str(part) for part in error["loc"] if part not in ("body", "query", "path", "header")]
    pointer, kind, name = "/" + "/".join(place), error["type"], place[-1] if place else ""
    if kind == "extra_forbidden":
        return pointer, f"Unknown field {name[:60]!r}.{did_you_mean(name[:60], known)} Known: {', '.join(known)}."
    if kind == "missing":
        return pointer, f"{name or 'A JSON body'} is missing."
    if kind == "json_invalid":
        return "", "The body is no JSON."
    return pointer, f"{' '.join(place) or 'The body'}: {error['msg']}."


def _of_http(request: Request, error: Any) -> Response:
    said = {404: NOTHING, 405: NOT_SO}
    return answer(request, error.status_code, said.get(error.status_code, str(error.detail)), (), error.headers)


def _ours(request: Request, error: Any) -> Response:
    status = next(status for kind, status in BY_KIND if isinstance(error, kind))
    faults = error.faults if isinstance(error, BadEvents) else ()
    return answer(request, status, words(error), faults, _later(status))


def _of_scorer(request: Request, error: Any) -> Response:
    status = OF_SCORER.get(error.code, 503)
    return answer(request, status, words(str(error)), (), _later(status))


def _of_machine(request: Request, error: Any) -> Response:
    """What the machine, a store or a file does not give. Raises what is a bug of ours."""
    if type(error).__module__.partition(".")[0] == "redis":
        return _ours(request, Unreachable("The store does not answer. `cerebro health store` asks it."))
    ours = machine.translate(error)
    if ours is None:
        raise error
    return _ours(request, ours)


def _later(status: int) -> Mapping[str, str]:
    return {"Retry-After": AGAIN_S[status]} if status in AGAIN_S else {}


def _bug(request: Request, error: Exception) -> Response:
    if type(error).__module__ == "cimpl":  # librdkafka's own, whose words say where the broker is
        return _ours(request, Unreachable("The broker is in trouble. `cerebro health broker` asks it."))
    return answer(request, 500, BUG)

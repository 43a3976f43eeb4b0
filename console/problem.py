"""What went wrong, as problem documents (RFC 9457) in the command line's sentences, without a path of this machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from console.order import FetchOrder
from scv.errors import CerebroError, UnknownName, UserError, did_you_mean

MEDIA = "application/problem+json"
BUG = "Something went wrong in Cerebro, and it is a bug. The console's log says where."
NOTHING, NOT_SO = "There is nothing here. /api/v1/openapi.json says what there is.", "Not with this method."
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
    told = [FieldProblem(pointer=pointer, detail=words) for pointer, words in errors]
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=told)
    return JSONResponse(body.model_dump(), status, dict(headers or {}), MEDIA)


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
    app.add_exception_handler(Exception, _bug)


def _refused(_: Request, error: Any) -> JSONResponse:
    return reply(error.status, error.detail, error.errors, error.headers)


def _invalid(_: Request, error: Any) -> JSONResponse:
    errors = [_field(one) for one in error.errors()]
    return reply(422, "\n".join(words for _, words in errors), errors)


def _field(error: Mapping[str, Any]) -> tuple[str, str]:
    place = [str(part) for part in error["loc"] if part not in ("body", "query", "path", "header")]
    pointer, kind, name = "/" + "/".join(place), error["type"], place[-1] if place else ""
    if kind == "extra_forbidden":
        known = list(FetchOrder.model_fields)
        return pointer, f"Unknown field {name[:60]!r}.{did_you_mean(name[:60], known)} Known: {', '.join(known)}."
    if kind == "missing":
        return pointer, f"{name or 'A JSON body'} is missing."
    if kind == "json_invalid":
        return "", "The body is no JSON."
    return pointer, f"{' '.join(place) or 'The body'}: {error['msg']}."


def _of_http(_: Request, error: Any) -> JSONResponse:
    said = {404: NOTHING, 405: NOT_SO}
    return reply(error.status_code, said.get(error.status_code, str(error.detail)), (), error.headers)


def _ours(_: Request, error: Any) -> JSONResponse:
    return reply(422 if isinstance(error, UserError) else 503, words(error))


def _bug(_: Request, error: Exception) -> JSONResponse:
    return reply(500, BUG)

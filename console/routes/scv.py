"""The single customer view of a country at a reference, as a table."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from console.context import Console, Here, Looking, Place, problems
from console.customer import asked_ids
from console.problem import NotGranted
from console.scv_table import MEDIA, Form, body, form_of
from scv.events import calendar
from scv.events.country import Country
from scv.features import fetcher
from scv.fetchers import roles
from scv.offline import batch, past_rows

NOW = "now"
MOST_LIVE = 500
"""Customers in one live answer."""
AT_ONCE = 2
"""Tables that are made at a time: each may hold a country."""
_turn = threading.BoundedSemaphore(AT_ONCE)

router = APIRouter(prefix="/api/v1", tags=["single customer view"])
EXAMPLE = {
    "country": "US", "reference": "2017-09-05", "columns": [roles.SILENCE],
    "rows": [{"customer_id": "900", roles.SILENCE: 4}],
}  # fmt: skip
_TABLE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The table, in the form that was asked for.",
        "content": {"application/json": {"example": EXAMPLE}} | {one.partition(";")[0]: {} for one in MEDIA.values()},
    }
}


@router.get(
    "/scv/{country}",
    name="single customer view",
    response_class=StreamingResponse,
    responses={**_TABLE, **problems(404, 422, 429, 503)},
)
def view(  # noqa: PLR0913 - one parameter per question
    country: Place,
    console: Here,
    viewer: Looking,
    at: Annotated[
        str,
        Query(
            max_length=100,
            examples=["2017-09-05"],
            description="A local date or an instant whose snapshot stands; "
            "`now`: live rows of named customers. Default: the newest snapshot.",
        ),
    ] = "",
    customer: Annotated[list[str], Query(max_length=MOST_LIVE, examples=[["900"]], description="Only these.")] = [],  # noqa: B006
    columns: Annotated[
        list[str],
        Query(max_length=300, examples=[["orders"]], description="Features by full name, or fetchers: all of theirs."),
    ] = [],  # noqa: B006
    format: Annotated[Form | None, Query(description="Instead of an Accept header.")] = None,
    accept: Annotated[str, Header(description="Which of the four forms.")] = "",
) -> StreamingResponse:
    """Everyone of a country (or some customers) at a reference: customer_id and a column for each feature.

    JSON, CSV in the country's own separators, an Arrow stream or a Parquet file. What was known at the reference is
    what is told; a snapshot that does not stand is fetched by `POST /fetches`.
    """
    form = form_of(format, accept)
    words = [word for one in columns for word in one.split(",") if word]
    wanted = [name for name in past_rows.columns(words) if viewer.sees(fetcher.all_features()[name])]
    asked_ids(customer)
    if not _turn.acquire(timeout=5):
        raise NotGranted(429, "Other tables are being made. Come again in some seconds.", headers={"Retry-After": "5"})
    pieces = _made(console, (country, at, wanted, customer), form)
    label = next(pieces).decode()  # begun: whatever becomes of the reply, its end gives the turn back
    name = f"scv_{country.code}_{label[:10]}.{form}"
    headers = {"Cerebro-Reference": label, "Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(pieces, headers=headers, media_type=MEDIA[form])


def _made(console: Console, asked: tuple[Country, str, list[str], list[str]], form: Form) -> Iterator[bytes]:
    """The reference that is meant, then the pieces of the body."""
    country, at, wanted, customers = asked
    try:
        label, table = _table(console, country, at, wanted, customers)
        yield label.encode()
        yield from body(table, form, country, {"country": country.code, "reference": label, "columns": wanted})
    finally:
        _turn.release()


def _table(console: Console, country: Country, at: str, wanted: list[str], customers: list[str]) -> tuple[str, Any]:
    if at != NOW:
        settings = console.settings
        when = calendar.reference(at, country) if at else past_rows.newest(settings, country)
        return calendar.label(when, country), past_rows.table(settings, country, when, wanted, customers)
    if not customers:
        raise NotGranted(422, f"Live rows are read by customer: name up to {MOST_LIVE} with ?customer=…",
                         [("/customer", "It is missing.")])  # fmt: skip
    return _live(console, country, wanted, customers)


def _live(console: Console, country: Country, wanted: list[str], customers: list[str]) -> tuple[str, Any]:
    """Rows as they are now; who is not known is left out, as in a snapshot."""
    import pyarrow as pa

    ids = sorted(set(customers))
    rows = list(zip(ids, console.live.rows(country, ids), strict=True))
    features = fetcher.all_features()
    schema = pa.schema([("customer_id", pa.string()), *((one, batch.ARROW[features[one].dtype]) for one in wanted)])
    records = [{"customer_id": id} | {one: row.values.get(one) for one in wanted} for id, row in rows if row.known]
    at = max((row.at for _, row in rows if row.at), default=None)
    return (at.isoformat() if at else NOW), pa.Table.from_pylist(records, schema=schema)

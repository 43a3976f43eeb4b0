"""What admission will make of a history's events, told before they are sent: who repeats another, who comes too late.

It is asked of the rule itself (`scv.events.admission.sql`), over the files alone, whatever the log holds already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from scv.events import admission, event, instant
from scv.events.country import Country
from streams.replay.columns import quoted

_DEFAULTS = {
    rf'"{field.name}":{msgspec.json.encode(field.default).decode()}\b'
    for kinds in event.FAMILIES.values()
    for kind in kinds
    for field in msgspec.structs.fields(kind)
    if field.default not in (msgspec.NODEFAULT, None)
}
_SAYS_NOTHING = ",(" + "|".join(['"seen_at":"[^"]*"', *sorted(_DEFAULTS)]) + ")"
"""Members of a record that are no content of its event: when it was seen, and what a field has that is left out."""


class Uncounted(NamedTuple):
    """Events that will not count, by why; of each kind the file and row (from 0) of the first."""

    events: int
    first: tuple[int, int]


class Forecast(NamedTuple):
    """Of `total` records, those that will not count, by verdict."""

    total: int
    uncounted: Mapping[str, Uncounted]

    @property
    def repeated(self) -> int:
        """How many records say word for word what another one says."""
        return self.uncounted["repeated"].events if "repeated" in self.uncounted else 0

    def losses(self, files: Sequence[Path]) -> list[str]:
        """Sentences about events that were meant to count and will not."""
        said = []
        if changed := self.uncounted.get("changed"):
            said.append(
                f"{changed.events:,} of {self.total:,} events have the id and the instant of another one of their "
                "customer, and other content: only the first counts. One row per order line? Sum them to one order, or "
                f"give each an id of its own. {_first(changed, files)}"
            )
        if late := self.uncounted.get("too late"):
            said.append(
                f"{late.events:,} of {self.total:,} events come too late to count: newer ones of their customer were "
                "seen long before. Is seen_at the time of a load? Leave that column out: then each is seen when it "
                f"happened. {_first(late, files)}"
            )
        if gone := self.uncounted.get("before an erasure"):
            said.append(
                f"{gone.events:,} of {self.total:,} events happened before their customer's erasure and come "
                f"after it: what was to be forgotten does not come back. {_first(gone, files)}"
            )
        return said


def _first(uncounted: Uncounted, files: Sequence[Path]) -> str:
    file_no, row_no = uncounted.first
    return f"The first: {files[file_no]}, row {row_no + 1}."


def sql(country: Country, since_us: int | None, until_us: int | None) -> str:
    """The verdicts on a country's `records` with `since_us <= seen_us < until_us`: verdict, events, file and row."""
    bound = "" if until_us is None else f" AND seen_us < {until_us}"
    since = "true" if since_us is None else f"epoch >= {since_us}"
    read = f"""
        SELECT *, TRY(decode(value)) AS body,
               TRY(json_extract_string(body, ['$.kind', '$.id', '$.occurred_at'])) AS said,
               {instant.sql("said[3]")} AS claimed_us
        FROM records WHERE country = {quoted(country.code)} AND seen_us IS NOT NULL{bound}"""
    log = f"""
        SELECT (family, key) AS customer_id, said[1] AS kind, said[2] AS id, claimed_us,
               least(claimed_us, seen_us) AS occurred_us, {_day("occurred_us", country)} AS day,
               {_day("seen_us", country)} AS seen_day,
               seen_us AS epoch, file_no AS "partition", row_no AS "offset",
               hash(regexp_replace(body, '{_SAYS_NOTHING}', '', 'g')) AS content
        FROM ({read}) WHERE claimed_us IS NOT NULL"""  # its place in the history is its place in a log
    judged = admission.sql(log, country.lateness_days, "content")
    return f"""
        SELECT verdict, count(*), min(("partition", "offset")) FROM ({judged}) WHERE {since} GROUP BY verdict"""


def _day(us: str, country: Country) -> str:
    """SQL of the local day of an instant."""
    return f"date_diff('day', DATE '1970-01-01', timezone({quoted(country.time_zone)}, make_timestamptz({us}))::DATE)"

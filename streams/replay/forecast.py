"""What admission will make of a history's events, told before they are sent: who repeats another, who comes too late.

It is asked of the rule itself (`scv.events.admission.sql`), over the files alone, whatever the log holds already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from scv.events import admission, instant
from scv.events.country import Country
from streams.replay.columns import quoted


class Uncounted(NamedTuple):
    """Events that will not count, by why; of each kind the file and row (from 0) of the first."""

    events: int
    first: tuple[int, int]


class Forecast(NamedTuple):
    """Of `total` records, by verdict; those with a taken identity and other content are `changed`, not `duplicate`."""

    total: int
    uncounted: Mapping[str, Uncounted]

    @property
    def repeated(self) -> int:
        """How many records say word for word what another one says."""
        return self.uncounted["duplicate"].events if "duplicate" in self.uncounted else 0

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
               {_day("least(claimed_us, seen_us)", country)} AS day, {_day("seen_us", country)} AS seen_day,
               seen_us AS epoch, file_no AS "partition", row_no AS "offset",
               hash(regexp_replace(body, '"seen_at":"[^"]*"', '')) AS content
        FROM ({read}) WHERE claimed_us IS NOT NULL"""  # its place in the history is its place in a log
    order = 'ORDER BY epoch, "partition", "offset"'
    first = f"first_value(content) OVER (PARTITION BY customer_id, id, claimed_us {order})"
    judged = f"""
        SELECT CASE WHEN verdict = 'duplicate' AND content <> {first} THEN 'changed' ELSE verdict END AS verdict,
               epoch, ("partition", "offset") AS place
        FROM ({admission.sql(log, country.lateness_days)})"""
    return f"SELECT verdict, count(*), min(place) FROM ({judged}) WHERE {since} GROUP BY verdict"


def _day(us: str, country: Country) -> str:
    """SQL of the local day of an instant."""
    return f"date_diff('day', DATE '1970-01-01', timezone({quoted(country.time_zone)}, make_timestamptz({us}))::DATE)"

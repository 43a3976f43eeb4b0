"""The causes that a difference can have, and what each of them asks of its reader."""

from __future__ import annotations

from typing import NamedTuple

OTHER = "of something else"
LATE = "snapshot behind the lake"
BEHIND = "row behind the log"
LOST = "row lost events"
UNBUILT = "not built"
LATER = "read later"
LAKE_BEHIND = "lake behind the row"
DEFINITION = "definition differs"
TOO_OLD = "too old to be given"
OTHER_MODEL = "other model"
UNEXPLAINED = "unexplained"

ADVICE: dict[str, str] = {
    OTHER: "The model or the record is of another definition than today's, or not what was written. Train again; where "
    "a file was changed, find out by whom.",
    LATE: "Events or an erasure came to the lake after the snapshot was taken. Fetch it again.",
    BEHIND: "The online consumer has not come as far as the lake. Is `cerebro consume` running?",
    LOST: "The consumer is past events that the row does not hold: evicted, deleted, put back, of another log or "
    "definition. Run `cerebro rebuild`; if it comes again it is a bug: keep the example.",
    UNBUILT: "The store does not hold this fetcher's rows for the country. Run `cerebro rebuild`.",
    LATER: "The clock went on between the snapshot and the read, or the row holds events seen since the reference.",
    LAKE_BEHIND: "The row holds records that the lake has not committed yet. Compare again in a few seconds.",
    DEFINITION: "The same prefix of the log gives another value: SQL and fold disagree, or the row or the snapshot was "
    "computed by other code or from another lake. This is a bug: keep the example.",
    TOO_OLD: "The watermark is older than what may be given. Is `cerebro consume` running?",
    OTHER_MODEL: "The live scorer answers with another model than the champion's pointer names.",
    UNEXPLAINED: "Nobody knows why. This is a bug: keep the example.",
}

JOINED = " + "


class Explanation(NamedTuple):
    """A cause, and what was found that says so."""

    cause: str
    why: str

"""The causes that a difference can have, and what each of them asks of its reader."""

from __future__ import annotations

LATE = "late event"
BEHIND = "row behind the log"
MISSING = "missing row"
DEFINITION = "definition differs"
FINGERPRINT = "other fingerprint"
AHEAD = "row ahead of the snapshot"
LATER = "read at a later instant"
ERASED = "erased"
UNBUILT = "not built"
OTHER_LOG = "row of another log"
SKIPPED = "event not applied"
LAKE_BEHIND = "lake behind the row"
NOT_IN_LAKE = "not in the lake"
CHANGED = "file changed"
MOVED = "moved meanwhile"
TOO_OLD = "too old to be given"
OTHER_MODEL = "other model"
UNEXPLAINED = "unexplained"

ADVICE: dict[str, str] = {
    LATE: "Events seen before the reference came to the lake after the snapshot was taken. Fetch it again.",
    BEHIND: "The online consumer has not come as far as the lake. Is `cerebro consume` running?",
    MISSING: "The lake has the customer's events, the consumer is past them, and the store has no row: "
    "evicted, deleted or never built. Run `cerebro rebuild`.",
    DEFINITION: "The same events under the same fingerprint give another value: SQL and fold disagree, or the row or "
    "the snapshot was computed by other code. This is a bug: keep the example.",
    FINGERPRINT: "Made under another definition of the fetcher than today's. Fetch, rebuild or train again.",
    AHEAD: "The row holds events seen at or after the reference.",
    LATER: "The clock went on between the snapshot and the read.",
    ERASED: "The customer was erased after the snapshot was taken. Fetch it again.",
    UNBUILT: "The store does not hold this fetcher's rows for the country. Run `cerebro rebuild`.",
    OTHER_LOG: "The row was folded from a topic, epoch or generation that the store no longer follows. "
    "Run `cerebro rebuild`.",
    SKIPPED: "The consumer is past an event that the row does not hold. This is a bug, or the row was put back by "
    "hand: run `cerebro rebuild --afresh` and keep the example.",
    LAKE_BEHIND: "The row holds records that the lake has not committed yet. Compare again in a few seconds.",
    NOT_IN_LAKE: "The lake, at or beyond the row's position, has no event of this customer: another lake, or one that "
    "lost files.",
    CHANGED: "The file is not the one that was written. Fetch it again, and find out who wrote to it.",
    MOVED: "The row was written while it was compared. Compare again.",
    TOO_OLD: "The watermark is older than what may be given. Is `cerebro consume` running?",
    OTHER_MODEL: "The live scorer answers with another model than the champion's pointer names.",
    UNEXPLAINED: "Nobody knows why. This is a bug: keep the example.",
}

JOINED = " + "


def joined(causes: list[str]) -> str:
    """Several causes that only together explain a value, in the order in which they act."""
    return JOINED.join(dict.fromkeys(causes)) or UNEXPLAINED

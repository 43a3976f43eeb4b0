"""Where customers stood at instants that a label asks about: the folds' own SQL over all that the labelling run saw."""

from __future__ import annotations

from scv.events import event
from scv.folds import SubscriptionState
from scv.folds.boxes import sql_open_box
from scv.folds.fold import OPEN_WEEK

STATE = SubscriptionState()
_TYPES = {"int": "BIGINT", "bool": "BIGINT", "date": "BIGINT", "str": "VARCHAR"}
_PAYLOAD = ", ".join(f'NULL::{_TYPES[kind]} AS "{name}"' for name, kind in event.fields("subscription").items())
NO_EVENTS = f"""(SELECT '' AS customer_id, '' AS kind, '' AS id, 0::BIGINT AS occurred_us, 0::BIGINT AS seen_us,
                        0::BIGINT AS day, {_PAYLOAD} WHERE false)"""
"""Events of subscriptions where there are none."""


def after(source: str, asked: str) -> str:
    """Per (customer_id, us) of the query `asked`, which has its local day `at_day`, the customer's `state` right after
    that instant; no row for a customer of whose subscriptions nothing was said."""
    told = f"""SELECT q.customer_id, q.us, q.at_day, {STATE.sql_enter(STATE.sql_filter())} AS t
               FROM (SELECT DISTINCT customer_id, us, at_day FROM ({asked})) q
               JOIN {source} o ON o.customer_id = q.customer_id AND o.occurred_us <= q.us GROUP BY ALL"""
    merged = f"SELECT customer_id, us, at_day, {STATE.sql_merge('t')} AS s FROM ({told}) GROUP BY ALL"
    settled = f"SELECT customer_id, us, {STATE.sql_settle('s')} AS s FROM ({merged})"
    return f"SELECT customer_id, us, {STATE.sql_read('s', None)} AS state FROM ({settled})"


def at_cut_off(source: str, cut_off_days: int) -> str:
    """Per row `i` of `label_rows` what became of its open box, as a list `boxes`, one of each subscription that has it:
    that one's `word` at the cut-off, the day on which its term is `over`, and whether the box is `skipped`.

    Whose box it is, is what was known at the reference; what became of it, what was said before the cut-off.
    """
    first = f"(at_day - {OPEN_WEEK.after(cut_off_days).start})"
    return f"""
        WITH known AS ({_told(source, "q.at_day", "o.occurred_us < q.at_us AND o.seen_us < q.at_us")}),
        mine AS (SELECT i, {sql_open_box("s", first)} AS mine
                 FROM (SELECT i, at_day, {STATE.sql_settle("s")} AS s FROM known)),
        told AS ({_told(source, "q.cut_off_day AS at_day, q.box", "o.occurred_us < q.decided_us")}),
        own AS (SELECT i, at_day, box, [e FOR e IN s IF list_contains(mine, e.subscription)] AS s
                FROM told JOIN mine USING (i)),
        stood AS (SELECT i, box, {STATE.sql_settle("s")} AS s FROM own)
        SELECT i, [{{'word': y.word, 'over': y.over,
                     'skipped': list_contains([x.subscription FOR x IN s.skipped IF x.delivery = box], y.subscription)}}
                   FOR y IN s.stand] AS boxes FROM stood"""


def _told(source: str, about: str, when: str) -> str:
    """Per row of `label_rows` and what it is about the state `s` of what was said then."""
    names = ", ".join(column.rpartition(" ")[2].rpartition(".")[2] for column in about.split(", "))
    told = f"""SELECT q.i, {about}, {STATE.sql_enter(STATE.sql_filter())} AS t
               FROM label_rows q JOIN {source} o ON o.customer_id = q.customer_id AND {when} GROUP BY ALL"""
    return f"SELECT i, {names}, {STATE.sql_merge('t')} AS s FROM ({told}) GROUP BY ALL"

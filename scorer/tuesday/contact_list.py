"""Everyone's scores as one table, and who of them is on the list: what a Tuesday's files are written from."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pyarrow as pa

from scorer.scoring import Score, TargetScore
from scorer.subjects import Subjects
from scv.events.country import Country
from scv.fetchers import roles

TEXT, SHARE, INSTANT = pa.string(), pa.float64(), pa.timestamp("us", tz="UTC")
COUNT, NUMBER = pa.int32(), pa.int64()
SCHEMA = pa.schema([
    ("country", TEXT), ("customer_id", TEXT), ("reference", INSTANT), ("target", TEXT), ("basis", TEXT),
    ("status", TEXT), ("status_reason", TEXT), ("phase", TEXT),
    ("probability", SHARE), ("times_average", SHARE), ("risk_band", TEXT), ("horizon_days", COUNT),
    ("horizon_end", INSTANT), ("change_since_last_week", SHARE), ("reason_1", TEXT), ("reason_2", TEXT),
    ("reason_theme", TEXT), ("reason_feature", TEXT),
    ("contact_status", TEXT), ("contact_reason", TEXT), ("would_list", pa.bool_()), ("rank", COUNT),
    ("weeks_on_list", COUNT),
    ("channels_allowed", TEXT), ("last_contact", pa.date32()), ("value_cents", NUMBER), ("days_since_order", NUMBER),
    ("delivery_weekday", NUMBER), ("model", TEXT),
])  # fmt: skip
"""One row per customer and target. `channels_allowed` to `delivery_weekday` are the customer's, the same on all rows.

`contact_status` to `weeks_on_list` stand on the row of the target that the list is by (the country's first) and are
null on the others: each contact is LISTED once.

`reason_theme` and `reason_feature` are what the first reason is about; the feature is empty where it is about the theme
as a whole.

`contact_status`: LISTED, NOT_LISTED (below the capacity, or not asked about), HELD_OUT, SUPPRESSED. `would_list` is
true for the listed and for the held out who rank as high. `value_cents`: money spent in the last 91 days less what was
given back in them. `delivery_weekday`: 0 for Monday, null where none is known.
"""


WORTH = (roles.SPENT, roles.GIVEN_BACK)
WORTH_A_CONTACT = ("raised", "high")
"""Bands of those who are listed: with a capacity of more, nobody is called who is no likelier than usual."""
LIKELIEST = 0.2
"""So large a share of a week's scored may be listed whatever their bands are: bands go by the past, and a shop whose
level has fallen since would have nobody to call."""


def worth(values: Mapping[str, Any]) -> int | None:
    """A customer's value in cents, from the features `WORTH`; None for whom nothing is known of any order."""
    spent, back = (values[name] for name in WORTH)
    return None if spent is None else int(spent - (back or 0))


def places(
    scores: Sequence[Score], order: Mapping[str, tuple[float, ...]], country: Country, weeks: Mapping[str, int]
) -> dict[str, dict[str, Any]]:
    """Customer → what the list makes of them, as the table has it, by the scores of the country's first target.

    `order` says who comes first, highest first (see `scorer.tuesday.ranking`); `weeks` how many weeks in a row each has
    been listed until last week.
    """
    likely = _worth_a_contact(scores)
    ranked = [one for one in scores if one.customer_id in likely and _policy(one) != "SUPPRESSED"]
    ranked.sort(key=lambda one: (*(-part for part in order[one.customer_id]), one.customer_id))
    ids = [one.customer_id for one in ranked]
    listed = [one.customer_id for one in ranked if _policy(one) == "OK"][: country.capacity]
    above = set(ids[: ids.index(listed[-1]) + 1] if len(listed) == country.capacity else ids)
    ranks = {customer_id: i for i, customer_id in enumerate(listed, 1)}
    return {one.customer_id: _place(one, country, ranks, (above, likely), weeks) for one in scores}


def _worth_a_contact(scores: Sequence[Score]) -> set[str]:
    """Who is likelier than usual, or among the likeliest fifth of this week."""
    chances = sorted((p for one in scores if (p := _listed_by(one).probability) is not None), reverse=True)
    edge = chances[min(math.ceil(LIKELIEST * len(chances)), len(chances)) - 1] if chances else 0.0
    found = ((one.customer_id, _listed_by(one)) for one in scores)
    return {
        id
        for id, one in found
        if one.probability is not None and (one.band in WORTH_A_CONTACT or one.probability >= edge)
    }


def _place(
    score: Score,
    country: Country,
    ranks: Mapping[str, int],
    among: tuple[Collection[str], Collection[str]],
    weeks: Mapping[str, int],
) -> dict[str, Any]:
    """`among`: who is as likely as the last on the list, and who is worth a contact at all."""
    above, likely = among
    rank, status, reason = ranks.get(score.customer_id), _policy(score), score.contact.reason if score.contact else ""
    if status == "OK":
        status = "LISTED" if rank else "NOT_LISTED"
        reason = "" if rank else _unlisted(_listed_by(score), country, score.customer_id in likely)
    return {
        "contact_status": status,
        "contact_reason": reason,
        "would_list": score.customer_id in above,
        "rank": rank,
        "weeks_on_list": weeks.get(score.customer_id, 0) + 1 if rank else 0,
    }


def _unlisted(first: TargetScore, country: Country, likely: bool) -> str:
    """Why nobody needs to contact them, though they may be."""
    if first.status != "SCORED":
        return first.status_reason
    if not likely:
        return "no likelier than usual"
    return f"below this week's capacity of {country.capacity}"


def table(
    scores: Sequence[Score], subjects: Subjects, country: Country, places: Mapping[str, dict[str, Any]]
) -> pa.Table:
    """Everyone and every target, ordered by customer, then target as the country lists them."""
    names = (*WORTH, roles.SILENCE, roles.DELIVERY_WEEKDAY, roles.CONTACTED_AGO)
    records = []
    for score, values in zip(scores, subjects.rows(names), strict=True):
        customer, place = _customer(score, country, values), places[score.customer_id]
        for one in score.targets:
            records.append(customer | _target(one) | (place if one.target == country.targets[0] else {}))
    return pa.Table.from_pylist(records, schema=SCHEMA)


def _customer(score: Score, country: Country, values: Mapping[str, Any]) -> dict[str, Any]:
    """What every record of a customer says."""
    today, since = score.at and score.at.astimezone(country.zone).date(), values[roles.CONTACTED_AGO]
    return {
        "country": country.code,
        "customer_id": score.customer_id,
        "reference": score.at,
        "phase": score.phase,
        "channels_allowed": ", ".join(score.contact.channels) if score.contact else "",
        "last_contact": None if today is None or since is None else today - timedelta(days=since),
        "value_cents": worth(values),
        "days_since_order": values[roles.SILENCE],
        "delivery_weekday": values[roles.DELIVERY_WEEKDAY],
    }


def _target(one: TargetScore) -> dict[str, Any]:
    hints = [reason.hint for reason in one.reasons[:2]] + [None, None]
    return {
        "target": one.target,
        "basis": one.basis,
        "status": one.status,
        "status_reason": one.status_reason,
        "probability": one.probability,
        "times_average": one.times_usual,
        "risk_band": one.band,
        "horizon_days": one.horizon_days,
        "horizon_end": one.horizon_end,
        "change_since_last_week": one.change,
        "reason_1": hints[0],
        "reason_2": hints[1],
        "reason_theme": one.reasons[0].theme if one.reasons else None,
        "reason_feature": one.reasons[0].feature if one.reasons else None,
        "model": one.model,
    }


def _listed_by(score: Score) -> TargetScore:
    return score.targets[0]


def _policy(score: Score) -> str:
    return score.contact.policy if score.contact else "SUPPRESSED"

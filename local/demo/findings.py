"""What the demo shows beside its command lines: households, their rows, Tuesday's sheet, alerts, quality, speeds."""

from __future__ import annotations

import itertools
import statistics
import time
import timeit
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import msgspec
from confluent_kafka import OFFSET_BEGINNING, TopicPartition

from feature_repo.feast_store import apply
from local import quality as judged
from proof import figures
from proof.figures import Figure
from rpc.client import ScorerClient
from scorer.tuesday.week import Folder, Week
from scv.errors import CerebroError, Unreachable
from scv.events import calendar
from scv.events.country import Country
from scv.fetchers import roles
from scv.online.reader import View
from scv.settings import Settings
from scv.targets import target
from streams.alert import Alert
from streams.kafka import librdkafka, topics

SHEET = "{:>4} {:>9} {:<12} {:<7} {:>11} {:>11}  {}"
FIGURES = ["figure", "ours", "better baseline", "ratio", "bar", ""]
CALLS, BATCH = 500, 100
ALERT_S, QUIET_S = 20.0, 2.0
RETURNING = """
    SELECT customer_id, epoch_us(occurred_at), date_diff('day', lag(occurred_at) OVER w, occurred_at) AS gap,
           row_number() OVER w AS nth
    FROM read_parquet($path) WHERE kind = 'placed' WINDOW w AS (PARTITION BY customer_id ORDER BY occurred_at)
    QUALIFY occurred_at >= $since AND occurred_at < $until AND gap BETWEEN 9 AND 27
    ORDER BY nth DESC, customer_id LIMIT 1"""
"""Of those that order in `[since, until)` after 9 to 27 days without, the household with most baskets."""
SILENT = """
    SELECT customer_id FROM read_parquet($path) WHERE kind <> 'set' GROUP BY customer_id
    HAVING max(occurred_at) FILTER (kind = 'placed' AND occurred_at < $since) >= $since - INTERVAL 7 DAY
       AND count(*) FILTER (occurred_at >= $since AND occurred_at < $until) = 0
    ORDER BY count(*) FILTER (kind = 'placed' AND occurred_at < $since) DESC, customer_id LIMIT 1"""
"""Of those whose last basket lies in the week before `since`, and that do nothing to `until`, the one with most."""


def household(rule: str, path: Path, since: datetime, until: datetime) -> tuple[Any, ...]:
    """The one that a rule chooses from the event file, not by its scores."""
    with duckdb.connect() as connection:
        (chosen,) = connection.execute(rule, {"path": str(path), "since": since, "until": until}).fetchall()
    return tuple(chosen)


def row(view: View) -> str:
    """The few variables of a row that a person looks at first."""
    values = view.values()
    return ", ".join(f"{name.split('__')[1]} {_short(values[name])}" for name in roles.SHOWN)


def answer(reply: dict[str, Any], country: Country, name: str) -> str:
    """One target of a reply, as `cerebro score --json` gives it: probability, horizon, instant, band, reasons."""
    score = next(one for one in reply["targets"] if one["target"] == name)
    when = datetime.fromisoformat(reply["instant"]).astimezone(country.zone).strftime("%Y-%m-%d %H:%M")
    if score["status"] != "SCORED":
        return f"{when}: {name} not scored: {score['status_reason']}"
    reasons = " ".join(reason["agent_hint"] for reason in score.get("reasons", [])[:2]) or "no single reason"
    return (
        f"{when}: {name} {score['probability']:.2%} within {score['horizon_days']} days "
        f"({_times(score.get('times_usual'))} the usual rate, {score['band'].lower()}). Why: {reasons}"
    )


def week(settings: Settings, country: Country, date: str) -> Week:
    """A published week."""
    published = Folder(settings.exports_url, country).week(calendar.reference(date, country))
    if published is None:
        raise CerebroError(f"No published week of {country.code} at {date}.")
    return published


def sheet(week: Week) -> list[str]:
    """The first ten lines of a published contacts sheet, and its path."""
    listed = [one for one in week.scores().to_pylist() if one["rank"] and one["target"] == week.manifest.target]
    lines = [SHEET.format("rank", "customer", "phase", "risk", "times usual", "probability", "reasons")]
    for one in sorted(listed, key=lambda one: one["rank"])[:10]:
        reasons = " ".join(filter(None, (one["reason_1"], one["reason_2"])))
        risk = one["risk_band"], _times(one["times_average"]), f"{one['probability']:.1%}"
        lines.append(SHEET.format(one["rank"], one["customer_id"], one["phase"], *risk, reasons))
    name = next(name for name in week.manifest.files if name.endswith(".xlsx"))
    return [*lines, f"{week.folder.path}/{week.manifest.date}/{name}"]


def alerts(settings: Settings) -> list[str]:
    """Wait for alerts; how many were raised, and the surest of them. Raises Unreachable where none comes."""
    topic, raised, until = topics.alerts(settings), list[Alert](), time.monotonic() + ALERT_S
    consumer = librdkafka.consumer(settings, {"group.id": "cerebro-demo", "enable.auto.commit": False})
    with closing(consumer):
        consumer.assign([TopicPartition(topic, part, OFFSET_BEGINNING) for part in range(settings.partitions)])
        while (batch := consumer.consume(500, QUIET_S)) or not (raised or time.monotonic() > until):
            heard = [msgspec.json.decode(one.value(), type=Alert) for one in batch if not one.error()]
            raised += [one for one in heard if one.change == "raised"]
    if not raised:
        raise Unreachable(f"No alert came within {ALERT_S:.0f} s. {settings.home}/services/reactor.log may say why.")
    risk = max(raised, key=lambda one: one.risk.probability or 0).risk
    told = "the surest, as Faust published it after asking the scorer"
    return [f"{len(raised)} alerts on {topic}; {told}:", f"  {msgspec.json.encode(risk).decode()}"]


def quality(settings: Settings, country: Country, frozen: str, last: str, known: str) -> list[str]:
    """Champions frozen on a day, judged on the Tuesdays to `last`, beside baselines fitted in the same run."""
    span = judged.Span(*(calendar.reference(day, country) for day in (frozen, last, known)))
    told = judged.measure(settings, country, target.of_country(country), span, apply(settings))
    figures.write("quality", [row for one in told for row in judged.figures(one)])
    said = f"Champions frozen at {frozen}, judged on {frozen} to {last}, which nothing had seen; "
    cells = [FIGURES, *map(figures.cells, figures.read("quality"))]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    table = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]
    return [f"{said}intervals by household.", *(f"{one.target}: {one.contacts.sentence()}" for one in told), *table]


def speeds(settings: Settings, week: Week, rate: float, seconds: float) -> list[str]:
    """Replay rate, live scores one by one and in batches (of the customers of a week), the whole demo."""
    turn, code = itertools.cycle(dict.fromkeys(week.scores()["customer_id"].to_pylist())), week.manifest.country
    with ScorerClient(settings.scorer, 10, settings.caller_keys) as scorer:
        single = timeit.repeat(lambda: scorer.score(code, next(turn)), number=1, repeat=CALLS)
        batch = timeit.repeat(
            lambda: scorer.score_batch(code, list(itertools.islice(turn, BATCH))), number=1, repeat=20
        )
    p50, many = (1000 * statistics.median(times) for times in (single, batch))
    p99 = 1000 * statistics.quantiles(single, n=100)[98]
    rows = [
        Figure(name="events through Kafka into rows and lake, to the barrier", ours=round(rate), unit="events/s"),
        Figure(name="live score over gRPC, p50", ours=round(p50, 2), unit="ms"),
        Figure(name="live score over gRPC, p99", ours=round(p99, 2), unit="ms"),
        Figure(name=f"batch of {BATCH} live scores, p50", ours=round(many, 1), unit="ms"),
        Figure(name="the whole demo so far", ours=round(seconds), unit="s", bar="360 s", ok=seconds <= 360),
    ]
    figures.write("demo_speeds", rows)
    lines = [f"  {row.name}: {row.ours:,} {row.unit}" for row in rows]
    return ["On this machine, one client, one call at a time:", *lines]


def _times(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ×"


def _short(value: Any) -> str:
    return "-" if value is None else f"{value:.1f}" if isinstance(value, float) else f"{value:,}"

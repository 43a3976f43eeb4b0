"""The demo's chapters, in the order in which they happen."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from commands import week
from feature_repo.store import apply
from local.demo import households, telling
from local.demo.findings import Findings
from local.demo.shop import END, FROZEN, LAST, Shop
from local.demo.stage import Stage
from rpc.client import ScorerClient
from scv.errors import CerebroError
from scv.events import calendar
from scv.features import fetcher
from scv.online.reader import Reader
from scv.targets import target
from trainer import past
from trainer import train as training
from trainer.train import SEARCH, Plan

if TYPE_CHECKING:
    from scorer.tuesday.week import Week

WHAT = """\
Grocery shopping, not subscriptions: {provenance}. A lapse here means that no basket came for 56 days; no one
cancelled anything. The panel was chosen from frequent shoppers, so its rates do not transfer. Their undated
demographics are not used. Beside it runs ZZ, a small country that `cerebro simulate` invented, with recorded
cancellations. No customer was contacted, so nothing here measures contact."""


def first_score(stage: Stage, shop: Shop, found: Findings) -> households.Basket:
    """Replay to the Monday before the list, train the small default, and give the first live score."""
    noon = _noon(shop)
    with found.step("Replaying eight months of baskets and mailings through Kafka") as advance:
        stage.play(shop.path, None, noon, advance)
    train(stage, shop, ["lapse"], noon, Plan("default", report=False), found)
    basket = households.returning(shop.path, noon, noon + timedelta(hours=9))
    with ScorerClient(stage.settings.scorer, timeout_s=10) as scorer:
        reply = scorer.score(shop.country.code, basket.household)
        found.show(
            "One household",
            f"The first live score, {found.seconds:.0f} s after the start.\n"
            f"Household {basket.household} before its next basket: {_row(stage, shop, basket.household)}\n"
            f"  {telling.lapse(reply, shop.country, 'lapse')}",
        )
    return basket


def basket_arrives(stage: Stage, shop: Shop, basket: households.Basket, found: Findings) -> None:
    """One basket through Kafka: row and score before and after."""
    noon = _noon(shop)
    with ScorerClient(stage.settings.scorer, timeout_s=10) as scorer:
        code, one = shop.country.code, basket.household
        stage.play(shop.path, noon, basket.at)
        before, was = telling.lapse(scorer.score(code, one), shop.country, "lapse"), _row(stage, shop, one)
        stage.play(shop.path, basket.at, basket.at + timedelta(microseconds=1))
        after, now = telling.lapse(scorer.score(code, one), shop.country, "lapse"), _row(stage, shop, one)
    found.show(
        "One household",
        f"Household {one} comes back after {basket.gap_days} days; its basket arrives through Kafka.\n"
        f"Row before: {was}\n  {before}\nRow after:  {now}\n  {after}",
    )
    with found.step("Replaying on to Tuesday, 2017-09-05") as advance:
        stage.play(shop.path, basket.at + timedelta(microseconds=1), shop.at(FROZEN), advance)


def learn(stage: Stage, shops: Sequence[Shop], found: Findings) -> None:
    """Search with the incumbent among the trials; the gate decides."""
    for shop in shops:
        train(stage, shop, shop.country.targets, shop.at(FROZEN), SEARCH, found)


def train(stage: Stage, shop: Shop, targets: Sequence[str], at: datetime, plan: Plan, found: Findings) -> None:
    """Train targets from what was known at an instant; each past Tuesday is fetched and joined once for all."""
    chosen = [target.get(name) for name in targets]
    with ExitStack() as stack:
        with found.step(f"{shop.country.code}: single customer view at every past Tuesday, joined through Feast"):
            known = stack.enter_context(past.read(stage.settings, shop.country, chosen, at, apply(stage.settings)))
        for one in chosen:
            what = "the small default" if plan.mode == "default" else "search, gate and fit"
            with found.step(f"{shop.country.code}: a model for {one.name}: {what}") as advance:
                done = training.train(stage.settings, known, one, plan, lambda text, n, of: advance(n, of, text))
            found.talk(f"{one.name}: {done.why}")


def _noon(shop: Shop) -> datetime:
    """Noon of the Monday before the list."""
    return calendar.add_days(shop.at(FROZEN), -1, shop.country.zone) + timedelta(hours=12)


def tuesday(stage: Stage, shop: Shop, day: date) -> tuple[Week, int]:
    """Export at the barrier and compare every value with the live scorer: (week, values compared)."""
    from scorer.tuesday.export import export
    from scorer.tuesday.reconcile import reconcile

    at = shop.at(day)
    week.take(stage.settings, shop.country, at, stage.settings.threads)
    done = export(stage.settings, shop.country, at)
    with ScorerClient(stage.settings.scorer, timeout_s=20) as scorer:
        same = reconcile(done.week, scorer)
    if same.different:
        raise CerebroError(f"The export of {day} differs from the live scorer: {same.examples[:3]}")
    return done.week, same.compared


def first_tuesday(stage: Stage, shops: Sequence[Shop], found: Findings) -> None:
    """Tuesday's files of both countries."""
    compared = 0
    with found.step("Tuesday's files, compared value by value with the live scorer"):
        weeks = []
        for shop in shops:
            published, count = tuesday(stage, shop, FROZEN)
            weeks.append(published)
            compared += count
    found.show("Tuesday's sheet", _sheet(weeks[0]) + f"\nIt equals the live scorer: 0 of {compared:,} values differ.")


def recorded(stage: Stage, shop: Shop, found: Findings) -> None:
    """The invented country's surest cancellation."""
    from scorer.tuesday.week import Folder

    published = Folder(stage.settings.exports_url, shop.country.code).week(FROZEN.isoformat())
    if published is None:
        raise CerebroError(f"No published week of {shop.country.code}.")
    rows = [row for row in published.scores().to_pylist() if row["target"] == "cancellation" and row["probability"]]
    top = max(rows, key=lambda row: row["probability"])
    with ScorerClient(stage.settings.scorer, timeout_s=10) as scorer:
        reply = scorer.score(shop.country.code, top["customer_id"])
    lines = [f"  {telling.lapse(reply, shop.country, target)}" for target in shop.country.targets]
    found.show(
        "Recorded cancellations (invented country)",
        f"Subscriber {top['customer_id']} of ZZ, {reply.phase}; nothing about it is real.\n" + "\n".join(lines),
    )


def silence(stage: Stage, shop: Shop, found: Findings) -> None:
    """Tuesday by Tuesday with the champion frozen; one household does nothing and its score moves."""
    tuesdays = list(calendar.tuesdays(FROZEN, LAST))
    days = tuesdays[:4]
    quiet = households.silent(shop.path, shop.at(FROZEN), shop.at(days[-1]))
    lines = []
    with (
        found.step("Eight more Tuesdays, each exported at its barrier") as advance,
        ScorerClient(stage.settings.scorer, timeout_s=10) as scorer,
    ):
        for n, day in enumerate(tuesdays):
            advance(n, len(tuesdays), str(day))
            if day > FROZEN:
                stage.play(shop.path, shop.at(day - timedelta(days=7)), shop.at(day))
                tuesday(stage, shop, day)
            if day in days:
                reply = scorer.score(shop.country.code, quiet)
                lines.append(f"  {telling.lapse(reply, shop.country, 'lapse')}\n    row: {_row(stage, shop, quiet)}")
            if day == days[-1]:
                text = f"Household {quiet}: no event reached it between these instants.\n" + "\n".join(lines)
                found.show("A household that does nothing", text)


def hindsight(stage: Stage, shop: Shop, found: Findings) -> None:
    """Replay until the labels are mature, then say how right the lists were."""
    from commands.tuesday import write_report
    from scorer.feedback.validation import feedback, sentence

    with found.step("Replaying on until those Tuesdays' labels are final") as advance:
        stage.play(shop.path, shop.at(LAST), shop.at(END), advance)
    with found.step("Feedback: how right were the lists?"):
        told = feedback(stage.settings, shop.country, shop.tuesdays(FROZEN, LAST))
        page = write_report(stage.settings, told, [WHAT.format(provenance=shop.country.provenance)])
    note = "Nobody was contacted: the held-out comparison on that page is a placebo check."
    found.show("What the list is worth", f"{sentence(told)}\n{note}\n{page}")


def _row(stage: Stage, shop: Shop, household: str) -> str:
    (view,) = Reader(stage.client).read(shop.country, [household], list(fetcher.collect().values()))
    return telling.row(view)


def _sheet(week: Week) -> str:
    """The first ten lines of the contacts sheet and its path."""
    scores = week.scores().to_pylist()
    mine = [row for row in scores if row["target"] == week.manifest.target and row["rank"] is not None]
    listed = sorted(mine, key=lambda row: row["rank"])[:10]
    lines = [f"{'rank':>4} {'customer':>9} {'phase':<12} {'risk':<7} {'times usual':>11} {'probability':>11}  reasons"]
    for row in listed:
        reasons = "; ".join(text for text in (row["reason_1"], row["reason_2"]) if text)
        lines.append(
            f"{row['rank']:>4} {row['customer_id']:>9} {row['phase']:<12} {row['risk_band']:<7} "
            f"{telling.times(row['times_average']):>11} {row['probability']:>11.1%}  {reasons}"
        )
    sheets = [name for name in week.manifest.files if name.endswith(".xlsx")]
    return "\n".join([*lines, f"{week.folder.path}/{week.manifest.date}/{sheets[0]}"])

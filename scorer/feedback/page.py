"""The feedback as one HTML page: how right past lists were, its pictures inside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pages.page import Block, Heading, Table, Text
from pages.page import page as whole
from scorer.feedback import pictures, weekly
from scorer.feedback.outcomes import Hindsight
from scorer.feedback.uplift import Ranking, Uplift
from scorer.feedback.validation import Business, Feedback, HeldOut, TargetFeedback, sentence, silence
from scv.events.country import Country
from scv.model import metrics
from scv.model.metrics import Interval, Quality


def page(found: Feedback, notes: Sequence[str] = ()) -> str:
    """The whole page. `notes` are sentences about the data that belong at its top."""
    return whole(title(found.country), blocks(found, notes))


def title(country: Country) -> str:
    """Of the page."""
    return f"How right were the lists? {country.code}"


def blocks(found: Feedback, notes: Sequence[str] = ()) -> list[Block]:
    """What stands on it."""
    made: list[Block] = [Text(sentence(found), "first"), *map(Text, [*notes, *_honest(found)])]
    for one in found.judged:
        made += _section(one, found)
    return made


def _honest(found: Feedback) -> list[str]:
    """What a reader must know before the figures."""
    first, country = found.judged[0].past, found.country
    lines = [f"Source: {country.provenance}."] if country.provenance else []
    if first.target.basis == "derived":
        lines.append("The targets are derived from silence: nobody cancelled anything.")
    if not any((one.past.contacted & (one.past.status == "LISTED")).any() for one in found.judged):
        lines.append("Nobody on these lists was contacted, so nothing here measures the effect of contact.")
    lines.append("Intervals are 95 %, by household: all weeks of one household are drawn together.")
    return lines


def _section(one: TargetFeedback, found: Feedback) -> list[Block]:
    past, target = one.past, one.past.target
    blocks: list[Block] = [Heading(f"{target.name}: {target.sentence(found.country)}"), Text(_weeks(past), "quiet")]
    if one.quality is None:
        return [*blocks, Text("No mature labels with both outcomes yet: nothing can be said.")]
    blocks += [_quality(one.quality, past), *pictures.of_scores(past, one.quality)]
    blocks += [Heading("Tuesday by Tuesday", 3), weekly.by_tuesday(past), *weekly.movers(past), _phases(past)]
    if one.business:
        blocks += _business(one.business, past)
    if one.held_out:
        blocks += [*_held_out(one.held_out), *pictures.of_effect(one.held_out, target.name)]
        if one.uplift and one.ranking and not one.held_out.placebo:
            blocks += _helped(one.uplift, one.ranking, found.country)
    return blocks


def _weeks(past: Hindsight) -> str:
    judged = f"Tuesdays judged: {', '.join(past.dates) or 'none'}."
    waiting = f" Not decided yet: {', '.join(past.waiting)}." if past.waiting else ""
    removed = "".join(f" {count} rows left out: {reason}." for reason, count in past.removed.items())
    ended = ", ".join(f"{count:,} {outcome}" for outcome, count in past.outcomes.items())
    outcomes = f" What became of the rows: {ended}." if ended else ""
    return judged + waiting + removed + outcomes


def _quality(found: Quality, past: Hindsight) -> Table:
    free, of = ~past.contacted, found.figures
    rows = [
        ("Rows, positives, households", f"{of['rows']:,}, {of['positives']:,}, {past.households:,}"),
        ("AUC", _shown(found.auc)),
        ("AUC of recency alone", f"{metrics.auc(past.y, silence(past)):.3f}"),
        ("PR-AUC (base rate)", f"{of['pr_auc']:.3f} ({of['positives'] / of['rows']:.3f})"),
        ("Log loss", _shown(found.log_loss, 4)),
        ("Calibration error (a perfect model stays below)", f"{of['ece']:.4f} ({found.ece_bound:.4f})"),
        ("Mean probability over rate", f"{of['ratio']:.2f}"),
        ("Lift of the top tenth", f"{of['lift']:.1f}"),
    ]
    if past.contacted.any() and past.y[free].any():
        rows.append(("Calibration error, uncontacted rows only", f"{metrics.ece(past.y[free], past.p[free]):.4f}"))
    return Table(rows)


def _phases(past: Hindsight) -> Table:
    rows = []
    for name in np.unique(past.phase):
        y, p = past.y[past.phase == name], past.p[past.phase == name]
        auc = metrics.auc(y, p)
        rows.append((str(name), f"{len(y):,}", f"{int(y.sum()):,}", "–" if np.isnan(auc) else f"{auc:.3f}"))
    return Table(rows, ("Phase", "Rows", "Positives", "AUC"))


def _business(found: Business, past: Hindsight) -> list[Block]:
    rows = [
        ("By the list", _shown(found.left, 0)),
        ("By recency alone", _shown(found.by_recency, 0)),
        ("By chance", _shown(found.by_chance, 0)),
        ("List minus recency", _shown(found.more_than_recency, 0)),
    ]
    title = f"Of {found.contacts:,} contacts listed over {len(past.dates)} Tuesdays"
    return [Heading(title, 3), Table(rows, ("", past.target.name))]


def _held_out(found: HeldOut) -> list[Block]:
    title = "Placebo check of the held-out draw" if found.placebo else "Effect of being on the list"
    rows = [
        ("Listed", f"{found.listed:,}", f"{100 * found.listed_rate:.1f} %"),
        ("Held out, would have been listed", f"{found.held_out:,}", f"{100 * found.held_out_rate:.1f} %"),
        ("Difference, by assignment", "", _points(found.effect)),
        ("Smallest difference so many rows could show", "", f"{100 * found.smallest:.1f} points"),
        ("Of the listed, contacted", f"{found.contacted:,}", ""),
    ]
    return [Heading(f"{title}: {found.verdict}", 3), Table(rows, ("", "Rows", "Rate"))]


def _helped(found: Uplift, ranking: Ranking, country: Country) -> list[Block]:
    """Whom contact helps, and whether the list should go by it."""
    rows = [
        (name, f"{one.listed:,}", f"{one.held_out:,}", f"{100 * one.kept:+.0f} %", f"{100 * one.own:.0f} %")
        for name, one in sorted(found.groups.items(), key=lambda pair: -pair[1].kept)
    ]
    shown = [f"{_money(one, country)}" for one in (ranking.by_risk, ranking.by_saved, ranking.more)]
    advice = (
        "Ranking by what is saved is surely better here." if ranking.is_better
        else "Which of the two is better cannot be told yet: stay with the risk."
    )  # fmt: skip
    now = f"This country's list is ranked by {country.rank_by} (`rank_by`)."
    return [
        Heading("Whom contact helps", 3),
        Table(rows, ("Phase, theme", "Listed", "Held out", "Kept of the expected", "Weight of its own rows")),
        Text(
            f"Over all, being listed kept {100 * found.average:+.0f} % of those who were expected to go (standard "
            f"error {100 * found.error:.0f}). What a small group says of its own is drawn towards that."
        ),
        Text(
            f"Had only half of each list been called, a hundred calls would have kept {shown[0]} by the highest risk "
            f"and {shown[1]} by what is saved; the difference is {shown[2]}. {advice} {now}"
        ),
    ]


def _money(interval: Interval, country: Country) -> str:
    low, high = (country.money(end) for end in (interval.low, interval.high))
    return f"{country.money(interval.value)} [{low}, {high}]"


def _shown(interval: Interval, digits: int = 3) -> str:
    return f"{interval.value:.{digits}f} [{interval.low:.{digits}f}, {interval.high:.{digits}f}]"


def _points(interval: Interval) -> str:
    return f"{100 * interval.value:+.1f} points [{100 * interval.low:+.1f}, {100 * interval.high:+.1f}]"

"""Tuesday's export: everyone of a country at a reference, scored by the champion, published as one whole week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from scorer import champions, subjects
from scorer.scoring import Past, Rules, past_of, score
from scorer.subjects import Subjects
from scorer.tuesday import contact_list, ranking
from scorer.tuesday.manifest import VERSION, File, WeekManifest, made_of
from scorer.tuesday.sheet import SheetWords, sheet_of
from scorer.tuesday.week import Folder, Week
from scv import stamp
from scv.errors import CerebroError, UserError
from scv.events import calendar
from scv.events.country import Country
from scv.model.bundle import Bundle
from scv.offline import snapshot
from scv.offline.csv_text import csv_of
from scv.offline.lake import Lake, whole_to
from scv.offline.lake_version import LakeVersion
from scv.offline.snapshot import Snapshots
from scv.settings import Settings


@dataclass(frozen=True)
class Exported:
    """A published week; `new` is False where the same one stood already.

    `apart`: why it is not compared with the one of a week before, where that stands. `ahead`: which of its models were
    trained on more than was known at its reference. Both "" where there is nothing to say.
    """

    week: Week
    new: bool
    apart: str = ""
    ahead: str = ""


def export(
    settings: Settings, country: Country, at: datetime, version: LakeVersion | None = None, anyway: bool = False
) -> Exported:
    """Score the snapshot of a reference and publish the week; the same again does nothing.

    The snapshot must hold what `version` of the lake (the newest by default) knows of it.

    Raises UserError where there is no snapshot, no champion or another content under that date, where the file of a
    week before is damaged, and for a new week that was not complete or in which nobody is scored (unless it is to go
    out `anyway`); CerebroError where the audit finds something wrong.
    """
    date = calendar.label(at, country)
    folder = Folder(settings.exports_url, country)
    models = {name: champions.load(settings, country, name) for name in country.targets}
    first = models[country.targets[0]]
    if first is None:
        raise UserError(f"No champion of {country.code} {country.targets[0]} yet. Run `cerebro train {country.code}`.")
    version = version or Lake(settings.lake_path).version()
    snapshots = Snapshots(settings, country, version)
    people = subjects.at_reference(settings, snapshots, at)
    if not len(people):
        raise UserError(f"The snapshot of {country.code} at {date} has no customer: there is nobody to export.")
    before, apart = _before(folder, calendar.add_days(at, -7, country.zone), version)
    scores, ranked = _scores(settings, country, at, models, people, before)
    draft = _draft(snapshots.usable(at), country, models, scores)
    if not anyway and folder.week(at) is None:
        _worth_it(draft)
    ahead = _ahead(models, at)
    bodies = _bodies(scores, SheetWords(draft, country, first.info.reference, ahead, ranked))
    new = folder.publish(_described(draft, bodies, len(scores)), bodies)
    published = folder.usable(at, version.ids, content=True)
    assert published is not None
    return Exported(published, new, apart, ahead)


def _before(folder: Folder, at: datetime, version: LakeVersion) -> tuple[Week | None, str]:
    """The week of seven days earlier, or why it is not compared with: after another question this one begins anew.

    Raises NoWeek where it cannot be read: nobody knows who was on that list.
    """
    last = folder.week(at)
    why = last.why_not(version.ids, content=False) if last else ""
    return (None, f"not compared with {calendar.label(at, folder.country)}: {why}") if why else (last, "")


def _ahead(models: Mapping[str, Bundle | None], at: datetime) -> str:
    """A list of the past may be made with a model of today: to look back, but its probabilities are no forecast."""
    later = [one.info for one in models.values() if one is not None and one.info.reference > at]
    told = ", ".join(f"{one.id} (of {one.reference:%Y-%m-%d %H:%M} UTC)" for one in later)
    return f"trained after this list's day, so that probabilities may know what then happened: {told}" if told else ""


def _scores(
    settings: Settings,
    country: Country,
    at: datetime,
    models: Mapping[str, Bundle | None],
    people: Subjects,
    before: Week | None,
) -> tuple[pa.Table, str]:
    """Everyone's scores and who is on the list; and how it is ranked, where not by risk."""
    past: Past = {}
    weeks: dict[str, int] = {}
    if before is not None:
        last = before.scores()
        past, listing = past_of(last), last.filter(pc.equal(last["target"], before.manifest.target))
        weeks = dict(zip(listing["customer_id"].to_pylist(), listing["weeks_on_list"].to_pylist(), strict=True))
    found = score(people, country, models, Rules(settings.refuse_after_s, settings.hold_out_salt), past)
    values = zip(people.customer_ids, people.rows(contact_list.WORTH), strict=True)
    cents = {customer: contact_list.worth(row) or 0 for customer, row in values}
    order = ranking.order(settings, country, at, found, cents)
    table = contact_list.table(found, people, country, contact_list.places(found, order.of, country, weeks))
    _audit(table, country, len(people))
    return table, order.said


def _audit(table: pa.Table, country: Country, customers: int) -> None:
    """Nothing is published that breaks one of these."""
    problems = []
    if len(table) != customers * len(country.targets):
        problems.append(f"{len(table)} rows for {customers} customers and {len(country.targets)} targets")
    for row in table.select(["target", "status", "probability", "contact_status", "rank"]).to_pylist():
        if (row["status"] == "SCORED") != (row["probability"] is not None):
            problems.append("a probability without a score, or a score without one")
        if row["probability"] is not None and not 0 <= row["probability"] <= 1:
            problems.append("a probability outside [0, 1]")
        if (row["contact_status"] == "LISTED") != (row["rank"] is not None):
            problems.append("a rank of somebody who is not listed")
        if (row["contact_status"] is None) != (row["target"] != country.targets[0]):
            problems.append("a place on the list beside another target than the list's")
    if problems:
        raise CerebroError(f"The export of {country.code} is not published: {'; '.join(sorted(set(problems))[:3])}.")


def _worth_it(draft: WeekManifest) -> None:
    """Raise UserError for a week that people should not get."""
    problems = []
    if not draft.counts["scored"]:
        problems.append(f"nobody of {draft.counts['customers']:,} customers is scored for {draft.target}")
    if draft.data_complete_to is None or draft.data_complete_to < draft.reference:
        stood = (
            "nobody knows where" if draft.data_complete_to is None else f"{draft.data_complete_to:%Y-%m-%d %H:%M} UTC"
        )
        problems.append(f"the log was complete to {stood}")
    if problems:
        raise UserError(
            f"{draft.country} {draft.date} is not published: {'; '.join(problems)}. Fetch it again later, or publish "
            "it all the same with --anyway."
        )


def _draft(
    taken: snapshot.SnapshotManifest, country: Country, models: Mapping[str, Bundle | None], scores: pa.Table
) -> WeekManifest:
    """The manifest but for its files."""
    date, target = taken.reference, country.targets[0]
    complete = whole_to(taken.stamp.complete_to, taken.stamp.lake)
    return WeekManifest(
        country=country.code,
        date=date,
        reference=taken.at,
        list_id=f"{country.code}-{target}-{date}",
        target=target,
        models={name: model.info.id if model else "" for name, model in models.items()},
        data_complete_to=complete and min(complete, taken.at),
        counts=_counts(scores, target),
        files={},
        schema={one.name: str(one.type) for one in scores.schema},
        stamp=made_of(country, taken, models),
        version=VERSION,
    )


def _counts(scores: pa.Table, target: str) -> dict[str, int]:
    rows = [row for row in scores.select(["target", "status", "contact_status"]).to_pylist() if row["target"] == target]
    by_contact = [row["contact_status"] for row in rows]
    return {
        "customers": len(rows),
        "scored": sum(row["status"] == "SCORED" for row in rows),
        "listed": by_contact.count("LISTED"),
        "held_out": by_contact.count("HELD_OUT"),
        "suppressed": by_contact.count("SUPPRESSED"),
    }


def _bodies(scores: pa.Table, words: SheetWords) -> dict[str, bytes]:
    """Name → content of the week's files."""
    name = f"{words.country.code}_{words.manifest.date}"
    return {
        f"scores_{name}.parquet": snapshot.body_of(scores),
        f"scores_{name}.csv": csv_of(scores, words.country),
        f"contacts_{name}.xlsx": sheet_of(scores, words),
    }


def _described(draft: WeekManifest, bodies: Mapping[str, bytes], rows: int) -> WeekManifest:
    files, sums = dict[str, File](), {name: stamp.sha256_of(body) for name, body in bodies.items()}
    for name, body in bodies.items():
        files[name] = File(bytes=len(body), rows=draft.counts["listed"] if name.startswith("contacts_") else rows)
    return msgspec.structs.replace(draft, files=files, stamp=msgspec.structs.replace(draft.stamp, files=sums))

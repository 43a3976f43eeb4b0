"""Tuesday's export: everyone of a country at a reference, scored by the champion, published as one whole week."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scorer import archive, champions
from scorer.scoring import Rules, score
from scorer.subjects import Subjects
from scorer.tuesday import contact_list as roster
from scorer.tuesday.manifest import VERSION, File, WeekManifest, made_of
from scorer.tuesday.sheet import SheetWords, sheet_of
from scorer.tuesday.week import Folder, Week
from scv import stamp
from scv.errors import CerebroError, UserError
from scv.events import calendar
from scv.events.country import Country
from scv.fetchers import roles
from scv.model.bundle import Bundle
from scv.offline import snapshot
from scv.offline.csv_text import csv_of
from scv.offline.lake import Lake, LakeVersion
from scv.offline.snapshot import Snapshots
from scv.settings import Settings


@dataclass(frozen=True)
class Exported:
    """A published week; `new` is False where the same one stood already. `apart`: why it is not compared with the one
    of a week before, where that stands; "" where it is.
    """

    week: Week
    new: bool
    apart: str = ""


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
    target = country.targets[0]
    if models[target] is None:
        raise UserError(f"No champion of {country.code} {target} yet. Run `cerebro train {country.code}`.")
    version = version or Lake(settings.lake_path).version()
    snapshots = Snapshots(settings, country, version)
    subjects = archive.subjects_of(settings, snapshots, at)
    if not len(subjects):
        raise UserError(f"The snapshot of {country.code} at {date} has no customer: there is nobody to export.")
    before, apart = _before(folder, at, version)
    scores = _scores(settings, country, at, models, subjects, before)
    draft = _draft(snapshots.usable(at), country, models, scores)
    if not anyway and folder.week(at) is None:
        _worth_it(draft)
    files = _files(scores, draft, country, models)
    new = folder.publish(_described(draft, files, len(scores)), files)
    why = folder.why_not(at, version.ids)
    published = folder.week(at)
    if why or published is None:
        raise folder.refused(at, why)
    return Exported(published, new, apart)


def _before(folder: Folder, at: datetime, version: LakeVersion) -> tuple[Week | None, str]:
    """Last week's week, or why it is not compared with: after another question this one begins anew.

    Raises NoWeek where it cannot be read: nobody knows who was on that list.
    """
    last = folder.week(folder.before(at))
    why = folder.why_not(last.manifest.reference, version.ids, content=False) if last else ""
    return (
        (None, f"not compared with {calendar.label(folder.before(at), folder.country)}: {why}") if why else (last, "")
    )


def _scores(
    settings: Settings,
    country: Country,
    at: datetime,
    models: Mapping[str, Bundle | None],
    subjects: Subjects,
    before: Week | None,
) -> pa.Table:
    rules = Rules(settings.refuse_after_s, settings.hold_out_salt)
    found = score(subjects, country, models, rules, archive.past_of(before))
    target = country.targets[0]
    values = {
        one: row[roles.VALUE] or 0 for one, row in zip(subjects.customer_ids, subjects.rows([roles.VALUE]), strict=True)
    }
    places = roster.standings(found, values, country, target, _weeks(before))
    table = roster.table(found, subjects, country, places)
    _audit(table, country, len(subjects))
    return table


def _weeks(before: Week | None) -> dict[str, int]:
    """How many weeks in a row each customer of last week's list has been on it."""
    if before is None:
        return {}
    scores = before.scores()
    listing = scores.filter(pc.equal(scores["target"], before.manifest.target))
    return dict(zip(listing["customer_id"].to_pylist(), listing["weeks_on_list"].to_pylist(), strict=True))


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
    marks = archive.watermarks(taken).values()
    known = [mark for mark in marks if mark is not None]
    return WeekManifest(
        country=country.code,
        date=date,
        reference=taken.at,
        list_id=f"{country.code}-{target}-{date}",
        target=target,
        models={name: model.info.id if model else "" for name, model in models.items()},
        data_complete_to=min(known, default=None) if len(known) == len(marks) else None,
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


def _files(
    scores: pa.Table, draft: WeekManifest, country: Country, models: Mapping[str, Bundle | None]
) -> dict[str, bytes]:
    name = f"{draft.country}_{draft.date}"
    parquet = io.BytesIO()
    pq.write_table(scores, parquet, compression="zstd", write_page_checksum=True)
    model = models[draft.target]
    words = SheetWords(draft, country, model.info.reference if model else None)
    return {
        f"scores_{name}.parquet": parquet.getvalue(),
        f"scores_{name}.csv": csv_of(scores, country),
        f"contacts_{name}.xlsx": sheet_of(scores, words),
    }


def _described(draft: WeekManifest, files: Mapping[str, bytes], rows: int) -> WeekManifest:
    listed = draft.counts["listed"]
    made = {
        name: File(bytes=len(body), rows=listed if name.startswith("contacts_") else rows)
        for name, body in files.items()
    }
    sums = {name: stamp.sha256_of(body) for name, body in files.items()}
    return msgspec.structs.replace(draft, files=made, stamp=msgspec.structs.replace(draft.stamp, files=sums))

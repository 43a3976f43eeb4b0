"""Why probabilities moved from one published Tuesday to another: by other rows, by another model, or by corrections.

Four steps lead from what was published to what was published, one after the other, so that their changes add up to the
whole for every customer:

    published at A → model A on rows of A, as they are known today   corrections of A
                   → model A on rows of B                            what customers did, and did not
                   → model B on rows of B                            another model
                   → published at B                                  corrections of B
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorer import subjects
from scorer.subjects import Subjects
from scorer.tuesday.week import Folder, Week
from scv.errors import UserError
from scv.events import calendar
from scv.events.country import Country
from scv.features.array import Features
from scv.model import bundle, champion, registry
from scv.model.bundle import Bundle
from scv.offline.fetch import ensure
from scv.offline.lake import Lake
from scv.offline.snapshot import Snapshots
from scv.settings import Settings

STEPS = ("corrections of the first", "what customers did", "another model", "corrections of the second")
DID, MODEL = STEPS[1], STEPS[2]
Told = Mapping[str, tuple[str, float | None]]
"""Customer → status and probability in one week."""


@dataclass(frozen=True)
class Movement:
    """Of one target between two weeks. `before` and `after` float64[n] are the published probabilities of the
    `customers` who were scored in both, `steps` what each step changed them by; `added` float64[2, n, k] is what each
    of `columns` adds to their logit by the earlier model, on the rows of the first and of the second.

    `gone` and `come` count who was scored in one of both only, by the status in the other ("not there": none).
    `differences` of the models and of the definitions of features: what, then, now.
    """

    target: str
    dates: tuple[str, str]
    models: tuple[str, str]
    customers: Sequence[str]
    before: np.ndarray
    after: np.ndarray
    steps: Mapping[str, np.ndarray]
    columns: Sequence[str]
    added: np.ndarray
    gone: Mapping[str, int]
    come: Mapping[str, int]
    differences: Sequence[tuple[str, str, str]]

    @property
    def shares(self) -> dict[str, float]:
        """Of all movement, how much is each step's: by the sum of absolute changes."""
        sizes = {name: float(np.abs(change).sum()) for name, change in self.steps.items()}
        whole = sum(sizes.values())
        return {name: size / whole if whole else 0.0 for name, size in sizes.items()}

    @cached_property
    def by_column(self) -> dict[str, float]:
        """Mean absolute change of what each column adds to the logit between the rows of both, largest first."""
        means = (
            np.abs(self.added[1] - self.added[0]).mean(axis=0) if len(self.customers) else np.zeros(len(self.columns))
        )
        named = dict(zip(self.columns, means.tolist(), strict=True))
        return dict(sorted(named.items(), key=lambda pair: -pair[1]))

    def most_moved(self, count: int) -> list[int]:
        """Places of the customers whose probability moved most."""
        return np.argsort(-np.abs(self.after - self.before), kind="stable")[:count].tolist()

    def cause(self, place: int) -> str:
        """The column that moved a customer's rows most, or the step, where that was not what customers did."""
        largest = max(self.steps, key=lambda name: abs(self.steps[name][place]))
        if largest != DID or not self.columns:
            return largest
        return self.columns[int(np.argmax(np.abs(self.added[1, place] - self.added[0, place])))]


def movements(
    settings: Settings, country: Country, first: datetime, second: datetime, targets: Sequence[str] = ()
) -> Iterator[Movement]:
    """One for each target that somebody was scored for in both weeks, or for each of `targets`.

    Raises UserError where a week is not published or its model is not here any more, NoWeek where one may not be used.
    """
    version = Lake(settings.lake_path).version()
    folder, snapshots = Folder(settings.exports_url, country), Snapshots(settings, country, version)
    weeks = [_week(folder, at, version.ids) for at in (first, second)]
    ensure(settings, snapshots, [first, second])
    people = [subjects.at_reference(settings, snapshots, at) for at in (first, second)]
    tables = [week.scores() for week in weeks]
    for target in targets or [
        name for name in country.targets if all(week.manifest.models.get(name) for week in weeks)
    ]:
        models = [_model(settings, country, target, week) for week in weeks]
        told = [_told(table, target) for table in tables]
        yield _movement(target, weeks, people, models, told)


def _week(folder: Folder, at: datetime, ids: Mapping[str, str]) -> Week:
    week = folder.usable(at, ids, content=True)
    if week is None:
        date = calendar.label(at, folder.country)
        raise UserError(f"No week {date} of {folder.country.code} is published. `cerebro week` publishes one.")
    return week


def _movement(
    target: str, weeks: Sequence[Week], people: Sequence[Subjects], models: Sequence[Bundle], told: Sequence[Told]
) -> Movement:
    scored = [{one: p for one, (_, p) in found.items() if p is not None} for found in told]
    both = sorted(scored[0].keys() & scored[1].keys())
    rows = [one.pick(both).features for one in people]
    before, after = (np.array([one[customer] for customer in both]) for one in scored)
    way = [before, _said(models[0], rows[0]), _said(models[0], rows[1]), _said(models[1], rows[1]), after]
    earlier = models[0]
    return Movement(
        target=target,
        dates=(weeks[0].manifest.date, weeks[1].manifest.date),
        models=(models[0].info.id, models[1].info.id),
        customers=both,
        before=before,
        after=after,
        steps={name: way[k + 1] - way[k] for k, name in enumerate(STEPS)},
        columns=[one.name for one in earlier.columns],
        added=np.stack([earlier.reasons(earlier.matrix(one)) for one in rows]),
        gone=_elsewhere(scored[0].keys() - scored[1].keys(), told[1]),
        come=_elsewhere(scored[1].keys() - scored[0].keys(), told[0]),
        differences=[*registry.differences(models[0].info, models[1].info), *_definitions(weeks)],
    )


def _model(settings: Settings, country: Country, target: str, week: Week) -> Bundle:
    """The model that answered in a week."""
    id = week.manifest.models.get(target)
    if not id:
        raise UserError(f"Nobody answered for {target} in the week {week.manifest.date} of {country.code}.")
    path = champion.folder(settings, country.code, target) / id
    if not path.is_dir():
        raise UserError(
            f"The model {id} of the week {week.manifest.date} is not in {path.parent} any more: `cerebro tidy` takes "
            "none that a published week names. Bring it back from a copy."
        )
    return bundle.load(path, country)


def _told(table: pa.Table, target: str) -> Told:
    """What a week's scores say of one target."""
    mine = table.filter(pc.equal(table["target"], target)).select(["customer_id", "status", "probability"])
    return {one: (status, p) for one, status, p in zip(*mine.to_pydict().values(), strict=True)}


def _said(model: Bundle, rows: Features) -> np.ndarray:
    return model.score(np.ascontiguousarray(model.matrix(rows)))


def _elsewhere(customers: set[str], told: Told) -> dict[str, int]:
    return dict(Counter(told[one][0] if one in told else "not there" for one in customers).most_common())


def _definitions(weeks: Sequence[Week]) -> Iterator[tuple[str, str, str]]:
    """Features and questions that one week had otherwise than the other; models are told apart by their ids."""
    mine, theirs = (week.manifest.stamp.definitions for week in weeks)
    for name in sorted(mine.keys() | theirs.keys()):
        if mine.get(name) != theirs.get(name) and not name.startswith("model "):
            yield f"definition of {name}", mine.get(name, "-"), theirs.get(name, "-")

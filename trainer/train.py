"""One training run: rows, search, gate, fit, bundle, and the pointer last."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from scv import atomic
from scv.errors import CorruptBundle
from scv.model import bundle, champion, training_file
from scv.settings import Settings
from scv.targets.target import Target
from trainer import study
from trainer.assembly import assemble, described
from trainer.dataset import TrainingSet
from trainer.gate import Verdict, gate
from trainer.leak import alarms
from trainer.past import Past
from trainer.recipe import DEFAULT, Recipe
from trainer.report import report_page
from trainer.search import OTHER_TRIALS, TRIALS, Trial, search

Mode = Literal["default", "search"]
Progress = Callable[[str, int, int], None]
"""Told (what is being done, steps done, steps in all)."""
MORE = 3
"""Steps after the trials."""


def silent(text: str, done: int, total: int) -> None:
    """A progress nobody watches."""


@dataclass(frozen=True)
class Trained:
    """What a run came to. `path` is the bundle that answers now, None where nothing ever did.

    `promoted` False: the old one stays, for the reason in `why`. `seconds` by step.
    """

    target: str
    path: Path | None
    promoted: bool
    why: str
    recipe: Recipe
    figures: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        found = msgspec.to_builtins(self, enc_hook=str)
        return found | {"id": self.path.name if self.path else None}


@dataclass(frozen=True)
class Plan:
    """How to train.

    `default` takes the small-tree recipe as it is: quick, for the first bundle. `search` looks for a better one
    (`trials` None: the target's fixed number) and lets the gate decide. `report` adds the page to the bundle.
    `accepted` are columns that raise no leak alarm, because an analyst knows how they come about.
    """

    mode: Mode = "search"
    trials: int | None = None
    report: bool = True
    accepted: tuple[str, ...] = ()

    def trials_of(self, target: str) -> int:
        if self.mode == "default":
            return 0
        return TRIALS.get(target, OTHER_TRIALS) if self.trials is None else self.trials


SEARCH = Plan()


def train(settings: Settings, past: Past, target: Target, plan: Plan = SEARCH, progress: Progress = silent) -> Trained:
    """Train one target as it was known at `past.at`, and make the winner the champion.

    The incumbent is the champion's recipe, or the default. A leak promotes nothing. It waits for another run on
    the same target (`cerebro due` may have begun one). Raises UserError where there is nothing to learn.
    """
    folder = champion.folder(settings, past.country.code, target.name)
    begun, laps = time.monotonic(), dict[str, float]()

    def lap(name: str) -> None:
        laps[name] = round(time.monotonic() - begun - sum(laps.values()), 2)

    folder.mkdir(parents=True, exist_ok=True)
    if atomic.busy(folder):
        progress("waiting until another training of it has ended", 0, 0)
    with atomic.alone(folder), study.kept(settings, past.country.code, target.name) as kept:
        lap("waiting")
        atomic.sweep(folder)
        rows = past.rows(target)
        lap("rows")
        incumbent, trials = _incumbent(settings, past.country.code, target.name), plan.trials_of(target.name)
        verdict, history = choose(rows, plan, incumbent, settings.threads, progress, kept)
        lap("choice")
        if not verdict.promote:
            old = champion.champion(settings, past.country.code, target.name)
            return Trained(target.name, old, False, verdict.why, verdict.recipe, verdict.figures, laps)
        progress("fitting", trials + 1, trials + MORE)
        metrics = {"gate": verdict.figures, "why": verdict.why}
        made = assemble(verdict.recipe, rows, past.at, past.lake, settings.threads, metrics)
        made = made.on(training_file.write(settings, past.country, rows.table(), described(made)))
        lap("fit")
        progress("writing", trials + 2, trials + MORE)
        page = report_page(made, verdict, history) if plan.report else None
        path = bundle.write(folder, made.info, made.fitted.model, page)
        bundle.promote(path, past.country, verdict.why)
        lap("bundle")
        progress("done", trials + MORE, trials + MORE)
    return Trained(target.name, path, True, verdict.why, verdict.recipe, made.info.metrics, laps)


def choose(
    rows: TrainingSet,
    plan: Plan,
    incumbent: Recipe | None,
    threads: int,
    progress: Progress = silent,
    kept: Path | None = None,
) -> tuple[Verdict, list[Trial]]:
    """Which recipe to fit on everything and why, with the search's history. `incumbent` None: nothing answers yet.

    `kept`: the folder of the search's study.
    """
    if plan.mode == "default":
        found = alarms(rows, plan.accepted)
        why = f"leak alarm: {', '.join(map(str, found))}" if found else "the small-tree default, not searched"
        return Verdict("incumbent", DEFAULT, not found, why, {}, found), []
    trials = plan.trials_of(rows.target.name)

    def note(step: Trial) -> None:
        progress(f"trial {step.number}: {step.text}", step.number, trials + MORE)

    last, first = incumbent or DEFAULT, incumbent is None
    candidate, history = search(rows, trials, [last], note, kept, threads)
    progress("gate", trials, trials + MORE)
    return gate(candidate, last, rows, threads, plan.accepted, first), history


def _incumbent(settings: Settings, country: str, target: str) -> Recipe | None:
    """The champion's recipe, also where its columns have changed since; None where there is no champion."""
    try:
        path = champion.champion(settings, country, target)
        return None if path is None else msgspec.convert(bundle.read_info(path).params, Recipe)
    except (CorruptBundle, msgspec.ValidationError):
        return None  # a damaged champion must not keep the next one from being trained

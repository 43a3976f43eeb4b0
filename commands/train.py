"""Train a country's targets and make the winners the champions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from scv.errors import UserError

if TYPE_CHECKING:
    from scv.events.country import Country
    from scv.settings import Settings
    from scv.targets.target import Target
    from trainer.train import Progress, Trained


@click.command()
@click.argument("code", metavar="COUNTRY")
@click.option("--target", "names", multiple=True, help="Only this target; may be repeated. Default: the country's.")
@click.option("-d", "--date", "date", help="Freeze at this local date (its midnight) or instant. Default: now.")
@click.option("--trials", type=click.IntRange(1, 1000), help="Recipes to try. Default: 15 for lapse, else 5.")
@click.option("--default", "quick", is_flag=True, help="Take the small-tree default without a search.")
@click.option("--no-report", is_flag=True, help="Leave the HTML report out.")
@click.option("--accept", "accepted", multiple=True, help="A column that may alone tell much: no leak alarm for it.")
@click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")
def command(  # noqa: PLR0913 - one parameter per option
    code: str,
    names: tuple[str, ...],
    date: str | None,
    trials: int | None,
    quick: bool,
    no_report: bool,
    accepted: tuple[str, ...],
    as_json: bool,
) -> int:
    """Train COUNTRY's targets from what was known at a date.

    Features come from the snapshots of past Tuesdays through Feast (missing ones are fetched), labels from the lake
    where they are mature. The best recipe of a search is judged against the champion's on past Tuesdays; the better one
    is fitted on everything, becomes the champion, and is a run of MLflow (CEREBRO_TRACKING). A leak alarm promotes
    nothing, exit 1: mend the feature, or --accept the column. A target with nothing to learn yet stops no other.

    \b
    Example:
      cerebro train US -d 2017-09-05 --target lapse --default
      cerebro train US -d 2017-09-05
    """
    from feature_repo.feast_store import apply
    from scv import settings
    from scv.targets import target
    from terminal.arguments import the_countries, the_references
    from terminal.bar import Bar
    from trainer import past
    from trainer.tracking import tracked
    from trainer.train import Plan

    config = settings.load()
    country = the_countries([code], config)[0]
    at = the_references([date] if date else [], country, config)[0]
    chosen = [target.get(name) for name in dict.fromkeys(names)] or target.of_country(country)
    plan = Plan("default" if quick else "search", trials, not no_report, accepted)
    with Bar("reading the past") as bar, past.read(config, country, chosen, at, apply(config)) as whole:
        known = whole.without(_contacted(config, country))
        tried = _trained(chosen, lambda one: tracked(config, known, one, plan, _named(bar, one.name)))
    return _told(*tried, as_json)


def _contacted(config: Settings, country: Country) -> Mapping[datetime, frozenset[str]]:
    """Who stood on a list that was acted on, by its day; which of those lists are no longer there is said on stderr."""
    from scorer.feedback import lists

    found, gone = lists.acted_on(config, country)
    if gone:
        click.echo(f"Rows of contacts that cannot be told apart stay in: {'; '.join(gone)}.", err=True)
    return found


def _told(done: Sequence[Trained], held: Sequence[str], as_json: bool) -> int:
    """Say what came of it; the exit code. Raises UserError where a target could not be trained."""
    if as_json:
        click.echo(json.dumps([result.as_json() for result in done], indent=2))
    elif done:
        click.echo("\n".join(_line(result) for result in done))
    if held:
        raise UserError("\n".join(held))
    return 0 if all(result.promoted for result in done) else 1


def _trained(targets: Sequence[Target], train: Callable[[Target], Trained]) -> tuple[list[Trained], list[str]]:
    """What came of each target; and why some were not trained."""
    done: list[Trained] = []
    held: list[str] = []
    for one in targets:
        try:
            done.append(train(one))
        except UserError as error:
            held.append(str(error))
    return done, held


def _line(one: Trained) -> str:
    took = sum(one.seconds.values())
    if not one.promoted:
        return f"{one.target}: nothing promoted ({one.why}); {one.path or 'no bundle'} answers. {took:.0f} s"
    figures = one.figures["out_of_fold"]
    return (
        f"{one.target}: {one.path} ({one.why}). On customers a fit had not seen: log loss {figures['log_loss']:.4f}, "
        f"AUC {figures['auc']:.3f}, {figures['rows']:,} rows. {took:.0f} s"
    )


def _named(progress: Progress, target: str) -> Progress:
    return lambda text, done, total: progress(f"{target}: {text}", done, total)

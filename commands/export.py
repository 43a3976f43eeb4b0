"""Publish Tuesday's files of countries: scores of everyone, the contacts sheet, a manifest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from scv import settings as known
from scv.events import calendar
from terminal import listing
from terminal.arguments import the_countries
from terminal.groups import with_default

if TYPE_CHECKING:
    from scorer.tuesday.export import Exported
    from scorer.tuesday.reconcile import Reconciled
    from scv.settings import Settings


@click.group(cls=with_default("publish"))
def command() -> None:
    """Publish Tuesday's files, or take a wrong week back.

    \b
    Example:
      cerebro export US -d 2017-09-05              (the same as `cerebro export publish`, whose --help lists options)
      cerebro export withdraw US 2017-09-05
      cerebro export recheck US-lapse-2017-09-05
    """


@command.command(short_help="Score everyone in a snapshot and publish the week; may be left out.")
@click.argument("codes", nargs=-1, required=True, metavar="COUNTRY…")
@click.option("-d", "--date", help="The reference: 2017-09-05 (its local midnight). Default: the newest Tuesday.")
@click.option("--reconcile", is_flag=True, help="Then compare every value with the live scorer's.")
@click.option("--json", "as_json", is_flag=True, help="Print what was published as JSON.")
@click.option("--any-day", is_flag=True, help="Also for a reference that is no Tuesday.")
@click.option("--anyway", is_flag=True, help="Publish although the log was not complete, or nobody is scored.")
def publish(
    codes: tuple[str, ...], date: str | None, reconcile: bool, as_json: bool, any_day: bool, anyway: bool
) -> int:
    """Score everyone in a snapshot of COUNTRY with the champion and publish the week.

    The snapshot must exist (`cerebro fetch`). A published week is never overwritten: the same again does nothing,
    another content is an error. The folder is CEREBRO_EXPORTS, any URL that fsspec knows. Customer ids are text: the
    CSV loses leading zeros where a spreadsheet opens it, or pandas without dtype={'customer_id': str}, and has an
    apostrophe before what could be a formula (docs/customer-ids.md).

    \b
    Example:
      cerebro export US -d 2017-09-05
      CEREBRO_EXPORTS=s3://bucket/tuesdays cerebro export US
    """
    from commands.tuesday import reference_of, warn_of_public_draw
    from scorer.tuesday.export import export

    settings = known.load()
    wrong = 0
    for country in the_countries(codes, settings):
        at = reference_of(date, country, settings, any_day)
        warn_of_public_draw(settings, at)
        found = export(settings, country, at, anyway=anyway)
        same = _compare(settings, found) if reconcile else None
        click.echo(_json(found, same) if as_json else said(found))
        wrong += same.different if same else 0
    return 1 if wrong else 0


@command.command(short_help="Take a wrong week back.")
@click.argument("code", metavar="COUNTRY")
@click.argument("date")
def withdraw(code: str, date: str) -> None:
    """Take the week of DATE of a COUNTRY back.

    Its folder is moved to withdrawn/ beside the others, nothing of it is lost, and latest.json names the newest week
    that remains. Another one may then be published under that date. The same again does nothing.

    \b
    Example:
      cerebro export withdraw US 2017-09-05
    """
    from scorer.tuesday.week import Folder

    settings = known.load()
    (country,) = the_countries([code], settings)
    at = calendar.reference(date, country)
    done = Folder(settings.exports_url, country).withdraw(at)
    label = calendar.label(at, country)
    click.echo(f"{code} {label}: {'taken back' if done.new else 'was taken back before'}, it lies in {done.path}")
    newest = "nothing is published now" if done.newest is None else f"names {calendar.label(done.newest, country)}"
    click.echo(f"  latest.json: {newest}")


@command.command(short_help="Look at everybody of a list once more, just before contacting them.")
@click.argument("list_id", metavar="LIST")
@click.option("--json", "as_json", is_flag=True, help="Print the customers to drop as JSON.")
def recheck(list_id: str, as_json: bool) -> None:
    """Say who of LIST must not be contacted any more, and why: one line for each customer to drop.

    Since Tuesday they may have cancelled, complained, been contacted elsewhere, asked not to be, or been erased. LIST
    is the id on every row of the sheet and in the manifest. What is asked is the live state.

    \b
    Example:
      cerebro export recheck US-lapse-2017-09-05 > drop.tsv
    """
    from scorer.feedback import lists
    from scorer.tuesday.recheck import recheck
    from scv.events import country
    from store.client import connect

    settings = known.load()
    one = lists.find(settings, country.known(settings.countries_path), list_id)
    with connect(settings) as client:
        found = recheck(settings, one.country, sorted(one.customers), client)
    if as_json:
        click.echo(json.dumps({"list_id": list_id, "listed": len(one.customers), "drop": found}))
    else:
        listing.show(("customer_id", "why"), sorted(found.items()))
    click.echo(f"{len(found)} of {len(one.customers)} customers are to be dropped.", err=True)


@command.command(short_help="Count and show the reasons that a week's file gives.")
@click.argument("code", metavar="COUNTRY")
@click.option("-d", "--date", help="The published week. Default: the newest Tuesday.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def reasons(code: str, date: str | None, as_json: bool) -> int:
    """Say how many of those likelier than usual have a reason in the week's file, and show forty of them.

    Exit 1 where fewer than 98 % have one. A fact is about the customer ("The last order was 16 days ago; usually one
    comes every 6 days."); where none is worth saying, the strongest theme has a sentence.

    \b
    Example:
      cerebro export reasons US -d 2017-09-05
    """
    from commands.tuesday import reference_of
    from scorer.tuesday import census
    from scorer.tuesday.week import Folder
    from scv.errors import UserError

    settings = known.load()
    (country,) = the_countries([code], settings)
    at = reference_of(date, country, settings, True)
    week = Folder(settings.exports_url, country).week(at)
    if week is None:
        raise UserError(f"No week {calendar.label(at, country)} of {code} is published. Run `cerebro export {code}`.")
    scores = week.scores()
    found = census.census(scores)
    if as_json:
        click.echo(json.dumps([{**vars(one), "share": one.share} for one in found]))
    else:
        columns = ("target", "phase", "risk_band", "probability", "reason_1", "reason_2")
        drawn = [[_cell(one[name]) for name in columns] for one in census.drawn(scores)]
        listing.show(columns, drawn)
    for one in found:
        themes = ", ".join(f"{name} {count}" for name, count in one.by_theme.most_common())
        click.echo(
            f"{one.target}: {one.raised} likelier than usual; {one.share:.1%} have a reason: {one.facts} a fact, "
            f"{one.themes} a theme ({themes}).", err=True,
        )  # fmt: skip
    return 1 if any(one.share < census.ENOUGH for one in found) else 0


def _cell(value: object) -> object:
    return "" if value is None else f"{value:.1%}" if isinstance(value, float) else value


def said(found: Exported) -> str:
    """A published week in words."""
    manifest, counts = found.week.manifest, found.week.manifest.counts
    folder = f"{found.week.folder.path}/{manifest.date}"
    state = "published" if found.new else "already published, unchanged"
    lines = [
        f"{manifest.country} {manifest.date}: {state} in {folder}",
        f"  {counts['customers']:,} customers, {counts['scored']:,} scored for {manifest.target}; "
        f"{counts['listed']} listed, {counts['held_out']} held out, {counts['suppressed']} not to be contacted",
    ]
    lines += [f"  {note}" for note in (found.apart, found.ahead) if note]
    return "\n".join([*lines, *(f"  {folder}/{name}" for name in manifest.files)])


def _json(found: Exported, same: Reconciled | None) -> str:
    manifest = found.week.manifest
    made = {"country": manifest.country, "date": manifest.date, "new": found.new, "counts": manifest.counts}
    made |= {name: note for name, note in (("apart", found.apart), ("ahead", found.ahead)) if note}
    made |= {"compared": same.compared, "different": same.different} if same else {}
    return json.dumps(made | {"folder": f"{found.week.folder.path}/{manifest.date}", "files": list(manifest.files)})


def _compare(settings: Settings, found: Exported) -> Reconciled:
    """How the published values compare with the live scorer's; said on stderr."""
    from rpc.client import ScorerClient
    from scorer.tuesday.reconcile import reconcile, settle

    with ScorerClient(settings.scorer, 10, settings.caller_keys) as client:
        settle(found.week, client)
        done = reconcile(found.week, client)
    click.echo(f"{done.different} of {done.compared:,} values differ from the live scorer's.", err=True)
    for target, what, file, live in done.examples:
        click.echo(f"  {target} {what}: {file} in the file, {live} live", err=True)
    return done

"""Say how right past lists were, and take back what people did with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from terminal.groups import with_default

if TYPE_CHECKING:
    from streams.tables.outcomes import SheetOutcomes

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(cls=with_default("report"))
def command() -> None:
    """Compare past lists with what then happened, or take back what people did with one.

    \b
    Example:
      cerebro feedback US                          (the same as `cerebro feedback report`, whose --help lists options)
      cerebro feedback import contacts_US_2017-09-05.xlsx
    """


@command.command(short_help="Write the page of past lists; may be left out.")
@click.argument("code", metavar="COUNTRY")
@click.option("-d", "--date", "dates", multiple=True, help="A published Tuesday; may be repeated. Default: all.")
@click.option("--note", "notes", multiple=True, help="A sentence for the top of the page; may be repeated.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where the page goes.")
def report(code: str, dates: tuple[str, ...], notes: tuple[str, ...], out: Path | None) -> None:
    """Compare published weeks of COUNTRY with what then happened, over the Tuesdays whose labels are final.

    Writes one self-contained HTML page (by default in HOME/reports) and prints its first line.

    \b
    Example:
      cerebro feedback US
      cerebro feedback US -d 2017-09-05 -d 2017-09-12 --out feedback.html
    """
    from commands.tuesday import write_report
    from scorer.feedback.validation import feedback, sentence
    from scv import settings as known
    from scv.errors import UserError
    from terminal.arguments import the_countries, the_references

    settings = known.load()
    (country,) = the_countries([code], settings)
    found = feedback(settings, country, the_references(dates, country, settings) if dates else None)
    past, left_out = found.judged[0].past, found.left_out
    if not (past.dates or past.waiting):
        none = f"No Tuesday of {code} is published in {settings.exports_url}/{code}. Run `cerebro export {code}`."
        raise UserError("\n".join(left_out) or none)
    for line in left_out:
        click.echo(f"Left out: {line}", err=True)
    click.echo(sentence(found))
    click.echo(str(write_report(settings, found, [*notes, *left_out], out)))


@command.command("import", short_help="Take back what people did with a list.")
@click.argument("paths", nargs=-1, required=True, metavar="FILE…", type=_FILE)
@click.option("--marked", type=_FILE, help="Where the marked copy goes. Default: beside FILE, as FILE.marked.xlsx.")
@click.option("--dry-run", is_flag=True, help="Say what would become of every row; send and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Say what became of the rows as JSON.")
def import_(paths: tuple[Path, ...], marked: Path | None, dry_run: bool, as_json: bool) -> int:
    """Take what people wrote into contacts sheets: when they contacted whom, by which channel and what came of it.

    FILE is a sheet as Excel, LibreOffice or Google Sheets saves it, .xlsx or CSV; rows that nobody filled in are passed
    over. Each filled row is sent to the topic of contacts; the same sheet again sends nothing twice. Exit 2 where rows
    were refused: the others were taken, and the marked copy says which and why.

    \b
    Example:
      cerebro feedback import contacts_US_2017-09-05.xlsx
      cerebro feedback import returned/*.csv --dry-run
    """
    from operation import returned_sheet
    from scv import settings as known
    from scv.errors import UserError
    from streams.tables import contact_sheet, marked_copy, outcomes

    if marked is not None and len(paths) > 1:
        raise UserError("--marked names one copy: give one FILE, or leave it out.")
    settings, refused = known.load(), 0
    sheets = [(path, contact_sheet.read(path)) for path in paths]
    for path, sheet in sheets:
        done = returned_sheet.judged(sheet, path.name, settings)
        if not dry_run:
            copy = marked or path.with_name(f"{path.stem}.marked.xlsx")
            marked_copy.write(sheet, done.became, outcomes.FINE, copy)
            returned_sheet.send(settings, done.outcomes)
        _say(path, done, as_json, dry_run)
        refused += done.tally.bad.total()
    return 2 if refused else 0


def _say(path: Path, done: SheetOutcomes, as_json: bool, dry_run: bool) -> None:
    taken = "would be taken" if dry_run else "taken"
    if as_json:
        found = {"file": str(path), "rows": done.tally.rows, "became": dict(done.counts), "sent": not dry_run}
        click.echo(json.dumps(found))
    else:
        click.echo(f"{path.name}: {done.tally.rows} rows; {len(done.outcomes)} {taken}.")
        for word, count in sorted(done.counts.items()):
            if word not in done.tally.bad:
                click.echo(f"  {word}: {count}")
    for line in done.tally.lines():
        click.echo(line, err=True)

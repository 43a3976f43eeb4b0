"""Say how right past lists were: a page with pictures, and the business line."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("code", metavar="COUNTRY")
@click.option("-d", "--date", "dates", multiple=True, help="A published Tuesday; may be repeated. Default: all.")
@click.option("--note", "notes", multiple=True, help="A sentence for the top of the page; may be repeated.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where the page goes.")
def command(code: str, dates: tuple[str, ...], notes: tuple[str, ...], out: Path | None) -> None:
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

"""Say what is due (Monday's training, Tuesday's files), or do it: for cron, or any scheduler."""

from __future__ import annotations

import click
import msgspec


@click.command()
@click.option("--run", "runs", is_flag=True, help="Do it, oldest first.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def command(runs: bool, as_json: bool) -> int:
    """Say what is due in every country, by its own clock and calendar: Monday's training, Tuesday's week.

    What was missed is due until it is done: the last four Tuesdays, and the newest Monday. With --run each is done by
    a command of its own, the oldest first; what fails is told, the next is tried all the same, and it stays due for
    the next time. A country in which another process is at work on it is left alone. Run it as often as you like
    (every quarter of an hour is right): where nothing is due it says and does nothing.

    \b
    Example:
      cerebro due
      */15 * * * *  CEREBRO_HOME=/srv/cerebro/var /srv/cerebro/.venv/bin/cerebro due --run    (a line of a crontab)
    """
    from operation import due, turn
    from scv import settings as known
    from scv.errors import UserError
    from scv.events import country as countries
    from terminal import listing

    settings = known.load()
    if not settings.lake_path.is_dir():
        raise UserError(f"{settings.home_path} holds no lake. Is CEREBRO_HOME right? A relative one is of this folder.")
    codes = list(countries.states(settings.countries_path))
    if runs:
        return 1 if turn.run(settings, codes) else 0
    slots, unknown = due.everywhere(settings, codes)
    for code, why in unknown.items():
        click.echo(f"{code}: what is due cannot be told: {why}", err=True)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(slots), indent=2).decode())
    elif slots:
        listing.show(("country", "due since", "command"), [(slot.country, slot.date, slot.line) for slot in slots])
    else:
        click.echo("Nothing is due.", err=True)
    return 1 if unknown else 0

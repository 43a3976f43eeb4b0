"""List every setting: its variable, its value here and what it means."""

from __future__ import annotations

import json
from pathlib import Path

import click

from scv import settings as known
from terminal import listing

PAGE = Path("docs/settings.md")
COLUMNS = ("variable", "value", "meaning")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--write", is_flag=True, help="Write docs/settings.md, with the defaults.")
def command(as_json: bool, write: bool) -> None:
    """List every setting: its variable, its value here and what it means.

    The environment wins over HOME/services.env, which `cerebro up` writes, and that over the default.
    Passwords and secrets are not shown.

    \b
    Example:
      CEREBRO_HOME=/data cerebro settings
      cerebro settings --json
    """
    if write:
        PAGE.write_text(known.markdown(), encoding="utf-8")
        click.echo(f"Wrote {PAGE}.", err=True)
        return
    rows = [(variable, _shown(variable, value), meaning) for variable, value, meaning in known.table(known.load())]
    if as_json:
        click.echo(json.dumps([dict(zip(COLUMNS, row, strict=True)) for row in rows], indent=2))
    else:
        listing.show(COLUMNS, rows)


def _shown(variable: str, value: str) -> str:
    # A list of settings ends up in tickets and logs: a password or the secret of the draw must not.
    if variable == "CEREBRO_HOLD_OUT_SALT" and value != known.Settings().hold_out_salt:
        return "(set)"
    return known.without_password(value)

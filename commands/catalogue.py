"""Show every variable in words, or write docs/features.md."""

from __future__ import annotations

import json
from pathlib import Path

import click

from scv import atomic, project

PAGE = Path("docs/features.md")


@click.command(short_help="Show every variable in words, or write docs/features.md.")
@click.argument("name", required=False)
@click.option("--write", is_flag=True, help="Write docs/features.md.")
@click.option("--check", is_flag=True, help="Fail when docs/features.md is not what the definitions say.")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def command(name: str | None, write: bool, check: bool, as_json: bool) -> int:
    """List the variables of the single customer view; NAME narrows it to a fetcher or one variable, `derived` to those
    that are computed of others.

    In a project its own are among them, and --write writes the page into it.

    \b
    Example:
      cerebro catalogue orders
      cerebro catalogue orders__days_since --json
    """
    from scv.errors import UnknownName
    from scv.features import catalogue
    from terminal.listing import show

    if write or check:
        return _page(write)
    entries = catalogue.entries()
    chosen = [entry for entry in entries if name in (None, entry["name"], entry["fetcher"])]
    if name and not chosen:
        raise UnknownName("variable", name, [e["name"] for e in entries] + sorted({e["fetcher"] for e in entries}))
    if as_json:
        click.echo(json.dumps(chosen, indent=1))
    else:
        columns = ("name", "doc", "window", "fold", "type", "unit")
        show(columns, [[entry[column] for column in columns] for entry in chosen])
    return 0


def _page(write: bool) -> int:
    """Write the page, or say whether it is fresh."""
    from proof.heavy import sizes
    from scv.features import catalogue

    path, page = (project.here() or Path()) / PAGE, catalogue.markdown(sizes())
    if write:
        atomic.write(path, page.encode())
        click.echo(f"Wrote {path}.", err=True)
        return 0
    fresh = path.exists() and path.read_text(encoding="utf-8") == page
    click.echo(f"{path} is {'fresh' if fresh else 'stale: run `cerebro catalogue --write`'}.", err=True)
    return 0 if fresh else 1

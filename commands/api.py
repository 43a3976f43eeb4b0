"""Print a line of curl for every route of the web API."""

from __future__ import annotations

import json

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the OpenAPI description itself.")
def command(as_json: bool) -> None:
    """Print a line of curl for every route of the web API that `cerebro console` serves, with an example each.

    The lines are made of the description that the console gives at /api/v1/openapi.json.

    \b
    Example:
      cerebro api
      cerebro api --json > openapi.json
    """
    from console import curl
    from console.app import description
    from scv import settings

    found = description()
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for does, line in curl.lines(found, f"http://{settings.load().console}"):
        click.echo(f"# {does}\n{line}\n")

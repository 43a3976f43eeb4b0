"""Make a project: a folder for your own countries, features and targets."""

from __future__ import annotations

from pathlib import Path

import click

from scv import project, settings


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Make a folder for your own countries, fetchers, derived features and targets, with an example of each.

    Whatever lies in it is found by lying there, by every command that is started in it or below, or with
    CEREBRO_PROJECT naming it. FOLDER must be new or empty. Prints what was written.

    \b
    Example:
      cerebro init myshop
    """
    from local.project.folder import make

    for path in make(folder):
        click.echo(folder / path)
    settings.load({project.VARIABLE: str(folder)})  # as every command in it will
    click.echo(
        f"{folder} is a project. Go into it, and `cerebro test` proves its definitions; its README.md says more.",
        err=True,
    )

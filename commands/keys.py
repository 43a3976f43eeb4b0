"""Make keys for development: certificates and tokens that scorer and console know their callers by."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from scv import settings as known
from scv.errors import BadSetting
from scv.talk import say


@click.group()
def command() -> None:
    """Make keys for development: what closes scorer and console to strangers, and what opens them to us.

    In production the certificates are your authority's and the tokens your identity provider's; docs/access.md says
    which files both take from them.

    \b
    Example:
      cerebro keys new
      cerebro keys token crm --role system --country US
    """


@command.command("new", short_help="Certificates, a token key and access.toml, in HOME/keys.")
@click.option("--host", "hosts", multiple=True, help="A further name of their machine; may be repeated.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Another folder than HOME/keys.")
@click.option("--replace", is_flag=True, help="Make new ones in place of those that are there.")
def new(hosts: tuple[str, ...], out: Path | None, replace: bool) -> None:
    """Make an authority, the servers' certificate, a caller's, the key of tokens, and access.toml that knows them.

    Prints the settings that lead scorer, console and callers to them. Where keys are, they stay, unless they are to be
    replaced.

    \b
    Example:
      cerebro keys new
      cerebro keys new --host scorer.internal --replace
    """
    from local import authority

    folder = _folder(out)
    made = authority.make(folder, hosts, replace)
    for variable, part in authority.PARTS.items():
        click.echo(f"{variable}={folder / part}")
    say(f"Keys are made: they end in a year. {folder} is for nobody else's eyes." if made else "These were there.")


@command.command(short_help="A bearer token for a caller.")
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    help="Of the scorer: agent, system, probe, developer; of the console: viewer, agent, operator, admin; repeatable.",
)
@click.option("--country", "countries", multiple=True, help="For this country; may be repeated. '*': for all.")
@click.option("--days", type=click.IntRange(1, 365), default=30, show_default=True, help="How long it counts.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Another folder than HOME/keys.")
def token(name: str, roles: tuple[str, ...], countries: tuple[str, ...], days: int, out: Path | None) -> None:
    """Print a token for the caller NAME, signed by the development key.

    \b
    Example:
      cerebro keys token helpdesk --role agent --country US
      cerebro keys token anna --role operator --country US --country DE
      cerebro keys token crm --role system --country '*' --days 7
    """
    from access.caller import EVERYWHERE, ROLES
    from local import authority
    from scv.errors import expect
    from terminal.arguments import the_countries

    expect("role", roles, ROLES)
    the_countries([one for one in countries if one != EVERYWHERE] or (), known.load())
    click.echo(authority.token(_folder(out), name, roles, countries, timedelta(days=days)))


def _folder(out: Path | None) -> Path:
    if out is not None and not str(out).strip():
        raise BadSetting("--out names no folder.")
    return (out or known.load().home_path / "keys").expanduser().resolve()

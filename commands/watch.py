"""Follow customers' scores as events come in, until Ctrl-C."""

from __future__ import annotations

import click

from scv import settings
from terminal.arguments import the_countries


@click.command()
@click.argument("country")
@click.argument("customers", nargs=-1, required=True, metavar="CUSTOMER…")
@click.option("--target", "targets", multiple=True, help="Only this target; may be given again.")
@click.option("--language", default="", help="Of the reasons: en, de, fr. Default: the country's.")
@click.option("--json", "as_json", is_flag=True, help="Print the replies as JSON, one per line.")
@click.option("--times", type=click.IntRange(1), help="End after so many replies.")
@click.option("--hash-ids", is_flag=True, help="Watch the hashes of these ids, as `cerebro replay --hash-ids` sent.")
def command(  # noqa: PLR0913 - one parameter per option
    country: str,
    customers: tuple[str, ...],
    targets: tuple[str, ...],
    language: str,
    as_json: bool,
    times: int | None,
    hash_ids: bool,
) -> None:
    """Print up to 20 customers of a COUNTRY now, and each again whenever what is said of them is another.

    \b
    Example:
      cerebro watch US 900
      cerebro watch US 900 901 --target lapse --json
    """
    from commands.score import ids_of, told
    from rpc.client import ScorerClient

    known = settings.load()
    (place,) = the_countries([country], known)
    with ScorerClient(known.scorer, keys=known.caller_keys) as client:
        replies = client.watch(country, ids_of(customers, known, hash_ids), targets, language)
        for number, reply in enumerate(replies, 1):
            click.echo(told(reply, place, as_json))
            if number == times:
                break

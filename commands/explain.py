"""Ask the live scorer what a customer's scores are made of."""

from __future__ import annotations

import click
from google.protobuf.json_format import MessageToJson

from rpc.scorer_pb2 import Contribution, Explanation, TargetScore
from scv import settings
from scv.events import calendar
from terminal import listing
from terminal.arguments import the_countries

COLUMNS = ("target", "column", "value", "adds (log-odds)", "about")


@click.command()
@click.argument("country")
@click.argument("customer")
@click.option("--target", "targets", multiple=True, help="Only this target; may be given again.")
@click.option("-d", "--date", help="An earlier reference, answered from its snapshot: 2017-09-05.")
@click.option("--most", type=click.IntRange(1), default=15, show_default=True, help="Columns of each target.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--hash-ids", is_flag=True, help="Ask about the hash of this id, as `cerebro replay --hash-ids` sent.")
def command(  # noqa: PLR0913 - one parameter per option
    country: str, customer: str, targets: tuple[str, ...], date: str | None, most: int, as_json: bool, hash_ids: bool
) -> None:
    """Say what each column of the models adds to the scores of a CUSTOMER of COUNTRY, the strongest first.

    What is added is in log-odds and exact; with the base, which is everybody's, it sums to the margin, and the
    calibrated margin is the probability. For analysts: what an agent may say is in `cerebro score`.

    \b
    Example:
      cerebro explain US 900
      cerebro explain US 900 --target lapse --most 100
    """
    from commands.score import ids_of
    from rpc.client import ScorerClient

    known = settings.load()
    (place,) = the_countries([country], known)
    (customer,) = ids_of((customer,), known, hash_ids)
    at = calendar.reference(date, place) if date else None
    with ScorerClient(known.scorer, keys=known.caller_keys) as client:
        found = client.explain(country, customer, targets, at)
    if as_json:
        click.echo(MessageToJson(found, preserving_proto_field_name=True, indent=None))
        return
    listing.show(COLUMNS, [_row(one.target, each) for one in found.explanations for each in one.contributions[:most]])
    made = {one.target: one for one in found.explanations}
    for one in found.score.targets:
        click.echo(
            _sum(one, made[one.target]) if one.target in made else f"{one.target}: {one.status_reason}", err=True
        )


def _row(target: str, one: Contribution) -> tuple[object, ...]:
    kind = one.WhichOneof("value")
    value = "missing" if kind is None else one.word if kind == "word" else f"{one.number:g}"
    return target, one.column, value, f"{one.added:+.4f}", one.theme


def _sum(score: TargetScore, made: Explanation) -> str:
    added = sum(one.added for one in made.contributions)
    return (
        f"{score.target}: {made.base:+.4f} of everybody and {added:+.4f} of {len(made.contributions)} columns give a "
        f"margin of {made.margin:+.4f}; calibrated that is {100 * score.probability:.1f} % [model {made.model}]"
    )

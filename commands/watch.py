"""Follow customers' scores as events come in, until Ctrl-C."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import click
from google.protobuf.json_format import MessageToJson

from commands.score import ids_of, told
from rpc.scorer_pb2 import Band, ContactPolicy, MoversReply, ScoreReply
from scv import settings
from scv.errors import UserError
from terminal.arguments import the_countries

POINT = 0.01


# long: each of eleven options takes two lines
@click.command()
@click.argument("country")
@click.argument("customers", nargs=-1, metavar="[CUSTOMER…]")
@click.option("--target", "targets", multiple=True, help="Only this target; may be given again.")
@click.option("--language", default="", help="Of the reasons: en, de, fr. Default: the country's.")
@click.option("--json", "as_json", is_flag=True, help="Print the replies as JSON, one per line.")
@click.option("--times", type=click.IntRange(1), help="End after so many replies.")
@click.option("--hash-ids", is_flag=True, help="Watch the hashes of these ids, as `cerebro replay --hash-ids` sent.")
@click.option("--movers", is_flag=True, help="Watch whoever moved most since Tuesday, of one target.")
@click.option("--most", type=click.IntRange(1, 20), default=10, show_default=True, help="So many movers.")
@click.option("--points", type=click.FloatRange(0, 100), default=1, show_default=True, help="Movers by no less.")
@click.option("--direction", type=click.Choice(["up", "down"]), help="Only who moved this way.")
def command(  # noqa: PLR0913 - one parameter per option
    country: str,
    customers: tuple[str, ...],
    targets: tuple[str, ...],
    language: str,
    as_json: bool,
    times: int | None,
    hash_ids: bool,
    movers: bool,
    most: int,
    points: float,
    direction: Literal["up", "down"] | None,
) -> None:
    """Print up to 20 customers of a COUNTRY now, and each again whenever what is said of them is another.

    With --movers: those whose probability moved most since last Tuesday's file, of all whom the scorer was asked about;
    the reactor asks about everyone whose events come in. Without --target of the country's first.

    \b
    Example:
      cerebro watch US 900
      cerebro watch US 900 901 --target lapse --json
      cerebro watch US --movers --direction up
    """
    from rpc.client import ScorerClient

    if movers and (customers or hash_ids or len(targets) > 1):
        raise UserError("--movers is about whoever moved, of one target: leave the customers and --hash-ids out.")
    if not movers and not customers:
        raise UserError("Whom to watch? Name customers, or say --movers.")
    known = settings.load()
    (place,) = the_countries([country], known)
    with ScorerClient(known.scorer, keys=known.caller_keys) as client:
        if movers:
            (target,) = targets or place.targets[:1]
            lists = client.watch_movers(country, target, most, points * POINT, direction or "", language)
            lines = (listed(found, f"{country} {target}", as_json) for found in lists)
        else:
            replies = client.watch(country, ids_of(customers, known, hash_ids), targets, language)
            lines = (told(reply, place, as_json) for reply in replies)
        for line in itertools.islice(lines, times):
            click.echo(line)


def listed(movers: Sequence[ScoreReply], of: str, as_json: bool) -> str:
    """A list as it is printed: one line of JSON, or for people."""
    if as_json:
        return MessageToJson(MoversReply(movers=movers), preserving_proto_field_name=True, indent=None)
    if not movers:
        return f"{of}: nobody moved so much since Tuesday, of those who were asked about."
    return "\n".join([f"{of}, since Tuesday:", *map(_mover, movers)])


def _mover(one: ScoreReply) -> str:
    (told,) = one.targets
    policy = ContactPolicy.Name(one.contact_policy) + (f" ({one.contact_reason})" if one.contact_reason else "")
    why = f": {told.reasons[0].agent_hint}" if told.reasons else ""
    return (
        f"  {100 * told.change_since_tuesday:+5.1f} points to {100 * told.probability:.1f} %, "
        f"{Band.Name(told.band).lower()}  {one.customer_id}, {one.phase}, contact: {policy}{why}"
    )

"""Ask the live scorer about customers and print what it says."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from google.protobuf.json_format import MessageToJson

from rpc.scorer_pb2 import Band, Basis, ContactPolicy, Freshness, ScoreReply, Status, TargetScore
from scv import settings
from scv.errors import UserError
from scv.events import calendar, customer_id, hashed_id
from scv.events.country import Country
from scv.settings import Settings
from terminal.arguments import the_countries


@click.command()
@click.argument("country")
@click.argument("customers", nargs=-1, required=True, metavar="CUSTOMER…")
@click.option("--target", "targets", multiple=True, help="Only this target; may be given again.")
@click.option("-d", "--date", help="An earlier reference, answered from its snapshot: 2017-09-05.")
@click.option("--language", default="", help="Of the reasons: en, de, fr. Default: the country's.")
@click.option("--json", "as_json", is_flag=True, help="Print the replies as JSON, one per line.")
@click.option(
    "--hash-ids", is_flag=True, help="Ask about the hashes of these ids, as `cerebro replay --hash-ids` sent."
)
def command(  # noqa: PLR0913 - one parameter per option
    country: str,
    customers: tuple[str, ...],
    targets: tuple[str, ...],
    date: str | None,
    language: str,
    as_json: bool,
    hash_ids: bool,
) -> int:
    """Ask the live scorer about customers of a COUNTRY.

    Prints per target its status, the probability with its horizon, the band, reasons, the instant and how fresh each
    fetcher is. Exits with 1 when a customer is unknown. An id that begins with - goes after --.

    \b
    Example:
      cerebro score US 900
      cerebro score US 900 901 --target lapse --json
      cerebro score US 900 --language de
      cerebro score US -- -1001 anna@example.org
    """
    from rpc.client import ScorerClient

    known = settings.load()
    (place,) = the_countries([country], known)
    customers = ids_of(customers, known, hash_ids)
    at = calendar.reference(date, place) if date else None
    with ScorerClient(known.scorer, keys=known.caller_keys) as client:
        replies = client.score_batch(country, customers, targets, at, language)
    for reply in replies:
        click.echo(told(reply, place, as_json))
        if not reply.known:
            click.echo(f"Unknown customer {reply.customer_id!r} of {country}: no event of any family.", err=True)
    return 0 if all(reply.known for reply in replies) else 1


def ids_of(customers: tuple[str, ...], known: Settings, hash_ids: bool) -> tuple[str, ...]:
    """As the events name them. Raises UserError for what is no id."""
    for one in customers:
        if why := customer_id.why_not(one):
            raise UserError(f"{one!r} is no customer id: {why}.")
    return tuple(map(hashed_id.key_of(known).hashed, customers)) if hash_ids else customers


def told(reply: ScoreReply, country: Country, as_json: bool) -> str:
    """A reply as it is printed: one line of JSON, or for people."""
    return MessageToJson(reply, preserving_proto_field_name=True, indent=None) if as_json else _text(reply, country)


def _text(reply: ScoreReply, country: Country) -> str:
    if not reply.known:
        return f"{reply.country} {reply.customer_id}: UNKNOWN_CUSTOMER"
    policy = ContactPolicy.Name(reply.contact_policy) + (f" ({reply.contact_reason})" if reply.contact_reason else "")
    phase, at = reply.phase or "phase not known", _local(reply.instant.ToDatetime(UTC), country)
    lines = [f"{reply.country} {reply.customer_id}, {phase}, at {at}"]
    for one in reply.targets:
        lines += _target(one, country)
    lines += [f"  contact: {policy}", f"  fresh: {_freshness(reply)}", f"  receipt: {reply.receipt}"]
    return "\n".join(lines)


def _target(one: TargetScore, country: Country) -> list[str]:
    status = Status.Name(one.status)
    if not one.HasField("probability"):
        return [f"  {one.target}: {status}: {one.status_reason}"]
    points = f", {100 * one.change_since_tuesday:+.1f} points since Tuesday"
    change = points if one.HasField("change_since_tuesday") else ""
    line = (
        f"  {one.target} ({Basis.Name(one.basis).lower()}): {100 * one.probability:.1f} % within {one.horizon_days} "
        f"days, until {_local(one.horizon_end.ToDatetime(UTC), country)}; {Band.Name(one.band).lower()}, "
        f"{one.times_usual:.1f} times the usual rate{change} [{status}, model {one.model}]"
    )
    aloud = [f'  (may be said: "{reason.sayable}")' if reason.sayable else "" for reason in one.reasons]
    return [line, *(f"    - {reason.agent_hint}{said}" for reason, said in zip(one.reasons, aloud, strict=True))]


def _freshness(reply: ScoreReply) -> str:
    by_state: dict[str, list[str]] = {}
    for one in reply.freshness:
        age = f"STALE ({one.age_s / 3600:.1f} h)" if one.state == Freshness.STALE else Freshness.State.Name(one.state)
        by_state.setdefault(age, []).extend(one.fetchers)
    return "; ".join(f"{state}: {', '.join(names)}" for state, names in by_state.items())


def _local(instant: datetime, country: Country) -> str:
    local = instant.astimezone(country.zone)
    midnight = (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0)
    return local.strftime("%Y-%m-%d" if midnight else "%Y-%m-%d %H:%M:%S %Z")

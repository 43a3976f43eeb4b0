"""Send a history through Kafka in the order in which it was seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from scv import settings
from scv.errors import UserError
from scv.events import calendar, country, hashed_id
from scv.settings import Settings
from terminal import consumers, listing
from terminal.bar import Bar

if TYPE_CHECKING:
    from streams.replay.forecast import Forecast
    from streams.replay.history import History
    from streams.replay.sender import Summary


@click.command()
@click.argument("path")
@click.option("--country", "code", help="Only this country; or the country of files without that column.")
@click.option("--from", "begin", help="Begin there. Default: where the country's replay stands, else at the start.")
@click.option("--until", help="Stop there: a date (local midnight) or an instant with offset. Default: at the end.")
@click.option("--speed", help="Event time per wall time, such as 3600x. Default: as fast as the broker takes it.")
@click.option(
    "--anyway", "lost", flag_value="uncounted", help="Send what will not count, too: a taken id, or too late."
)
@click.option("--keep-bad", "lost", flag_value="bad", help="That, and bad rows as they are: they become dead letters.")
@click.option("--then-live", is_flag=True, help="Then go over to wall time: the history ends where live events begin.")
@click.option("--hash-ids", is_flag=True, help="Send a keyed hash in the place of each customer id.")
def command(  # noqa: PLR0913 - one parameter per option
    path: str,
    code: str | None,
    begin: str | None,
    until: str | None,
    speed: str | None,
    lost: str | None,
    then_live: bool,
    hash_ids: bool,
) -> None:
    """Send the events of PATH through Kafka in the order in which they were seen.

    PATH is a Parquet or JSON-lines file (or a folder of them) in the published event schemas, see `cerebro schemas`;
    or the word completejourney for the demo's households. It goes on where every partition stands and says how many
    events it leaves out as seen before; it stops before --until and says so to every partition; where the consumers
    run, it waits until both stand there.

    \b
    Example:
      cerebro replay completejourney --until 2017-09-05
      cerebro replay shop.parquet --country GB --speed 3600x
      cerebro replay history.parquet --country DE --then-live
    """
    from streams.replay import sender

    found = settings.load()
    pace = None if speed is None else sender.parse_speed(speed)
    with _history(path, code, lost == "bad", hash_ids, found) as history, Bar() as report:
        since = _instant(begin, history, found) if begin else _standing(history, found)
        end = None if until is None else _instant(until, history, found)
        plan = sender.prepare(history, found, since, end, pace, report)
        places = _places(history, found)
        _foretell(sender.forecast(history, found, plan), history, lost is not None)
        _begin(places if begin is None or then_live else [], found, then_live)
        summary = sender.send(history, found, plan, report)
        count = history.count()
    listing.show(("family", "events"), list(summary.events.items()))
    _say(summary, count, since, chosen=begin is not None)
    _end(places, found, summary.clock, then_live)


def _begin(places: Sequence[country.Country], found: Settings, then_live: bool) -> None:
    """Countries that may live on wall time live in their replay first. Raises UserError for those that live already."""
    from streams.positions import clock

    for place in places if then_live else ():
        clock.refuse_past(place)
    clock.begin_replays(found, places)


def _end(places: Sequence[country.Country], found: Settings, until: datetime, then_live: bool) -> None:
    """Wait until it is taken in, then go over to wall time, or say how. Raises CerebroError where live events came."""
    from local.services.running import starting
    from scv.offline.lake import Lake
    from scv.online.rowstore import RowStore
    from store.client import client, reachable
    from streams.positions import clock
    from streams.positions.epoch import may_live

    store = RowStore(client(found))
    taken = consumers.wait(found, store.client, lambda: starting(found.home_path))
    if not taken:
        click.echo("Start `cerebro consume online` and `cerebro consume lake` to take them in.", err=True)
    for place in filter(may_live, places):
        is_replay = not taken or store.clock(place.code).mode == "replay"
        if taken and is_replay:
            clock.refuse_live(Lake(found.lake_path), place, until)
        if then_live:
            with reachable(found):
                clock.go_live(store, place)
            click.echo(f"{place.code} lives on wall time now: live events may come.", err=True)
        elif is_replay:
            click.echo(clock.stays(place), err=True)


def _history(path: str, code: str | None, keep_bad: bool, hash_ids: bool, found: Settings) -> History:
    from local import completejourney
    from streams.replay.history import History

    if hash_ids and keep_bad:
        raise UserError("--keep-bad sends rows as they are, with ids that --hash-ids is to keep back: not both.")
    key = hashed_id.key_of(found) if hash_ids else None
    if code is not None:
        country.load(code, found.countries_path)
    return History(completejourney.source(path, found), code, keep_bad, found.memory, found.threads, key)


def _foretell(forecast: Forecast, history: History, anyway: bool) -> None:
    """Say what of the history will not count. Raises UserError where that can hardly be meant."""
    if forecast.repeated:
        click.echo(
            f"{forecast.repeated:,} of {forecast.total:,} events repeat another one: each counts once.", err=True
        )
    losses = forecast.losses(history.files)
    if losses and not anyway:
        raise UserError("\n".join([*losses, "Nothing was sent. To send them all the same: --anyway."]))
    for loss in losses:
        click.echo(loss, err=True)


def _say(summary: Summary, count: int, since: datetime | None, chosen: bool) -> None:
    """What was sent, what this run takes for sent (seen before it began), and where that is all, what may be done."""
    rate = (summary.total + summary.watermarks) / max(summary.seconds, 1e-3)
    click.echo(
        f"Sent {summary.total:,} events of {', '.join(summary.countries)} and {summary.watermarks:,} watermarks in "
        f"{summary.seconds:.1f} s ({rate:,.0f} records/s). Clock: {summary.clock.isoformat()}.",
        err=True,
    )
    if since is None or not summary.before:
        return
    where = "the --from" if chosen else "where the replay stands"
    left_out = f"{summary.before:,} of {count:,} events, seen before {since.isoformat()}, {where}"
    click.echo(f"Left out: {left_out}.", err=True)
    if not summary.total and not chosen:
        click.echo(
            "If they were never sent: give them a seen_at from then on, the instant at which they became known. Or "
            "send them with an earlier --from, and fetch the snapshots that are to know of them again.",
            err=True,
        )


def _standing(history: History, found: Settings) -> datetime | None:
    """Where the replay of the history's countries stands; None before the first, and without a store."""
    from scv.online.rowstore import RowStore
    from store.client import UNWELL, client
    from streams.positions.position import standing

    try:
        store = RowStore(client(found))
        stands = {place.code: standing(store, place.code) for place in _places(history, found)}
    except UNWELL:
        click.echo("No store answers: sending from the start. What was sent before does not count twice.", err=True)
        return None
    begun = [at for at in stands.values() if at is not None]
    if len(begun) not in (0, len(stands)):
        raise UserError("Some countries of this history have begun and some not: choose a --country, or a --from.")
    return min(begun, default=None)


def _instant(text: str, history: History, found: Settings) -> datetime:
    """The instant that a date means in the zone of the history's country."""
    places = _places(history, found)
    if not places:
        raise UserError(f"{history.path} has no events to replay (check --country).")
    if len({one.time_zone for one in places}) > 1 and len(text) == len("2017-09-05"):
        listed = ", ".join(one.code for one in places)
        raise UserError(f"{text} is another instant in each of {listed}: add an offset, or choose a --country.")
    return calendar.reference(text, places[0])


def _places(history: History, found: Settings) -> list[country.Country]:
    """The countries of a history; of bad rows that are kept, those that there are: the others move no clock."""
    if history.keep_bad:
        return [place for code, place in country.known(found.countries_path).items() if code in history.spans()]
    return [country.load(code, found.countries_path) for code in history.spans()]

"""Run the reactor: changed customers are scored, and alerts published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from scv.talk import say
from terminal import garbage
from terminal.log_format import LOGGING, begin, option

if TYPE_CHECKING:
    from rpc.client import ScorerClient
    from streams.alert import Risk


@click.command()
@option
def command(log_format: str | None) -> None:
    """Hear which customers moved, ask the scorer about them, publish alerts; until Ctrl-C.

    An alert is raised when a customer's band becomes high and cleared when it is usual again or nobody asks any more
    (cancelled, erased). Heard is what moves from now on; asked about first is everyone whose alert stands.

    At every quarter of an hour one reactor (of however many) starts `cerebro due --run`, which does what is due and
    writes into the same log. Whoever would rather have it done by cron loses nothing but alerts without a reactor.

    \b
    Example:
      cerebro react
    """
    garbage.few_arenas()
    import faust

    from operation import turn
    from rpc.client import ScorerClient
    from scv import settings
    from store.client import connect
    from store.heartbeat import Heartbeat
    from streams import reactor
    from streams.kafka import topics
    from telemetry.endpoint import exposed

    in_json = begin(log_format, "reactor")
    config = settings.load()
    topics.ensure(config)
    client = connect(config)
    with ScorerClient(config.scorer, keys=config.caller_keys) as scorer:
        app, counts = reactor.build(config, _asking(scorer), client, Heartbeat(client, "reactor").beat, turn.beside)
        say(f"Reactor up: it hears {topics.scv_changed(config)} and asks {config.scorer}.")
        try:
            with exposed(config, "reactor", {"reactor": counts.samples}):
                garbage.for_ever()
                told = {"logging_config": LOGGING} if in_json else {}
                faust.Worker(app, loglevel="warning", redirect_stdouts=False, **told).execute_from_commandline()
        finally:
            said = f"Heard {counts.heard}, asked {counts.asked}, alerts {counts.alerts}, failed {counts.failed}."
            say(said, **asdict(counts))


def _asking(scorer: ScorerClient) -> Callable[[str, list[str]], list[Risk]]:
    """Asks for one answer per customer and target, also where there is no score."""
    from streams.alert import risk_of

    def ask(country: str, customer_ids: list[str]) -> list[Risk]:
        replies = scorer.score_batch(country, customer_ids)
        return [risk_of(reply, target) for reply in replies for target in reply.targets]

    return ask

"""Run the reactor: changed customers are scored, and alerts published."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

import click

if TYPE_CHECKING:
    from rpc.client import ScorerClient
    from rpc.scorer_pb2 import ScoreReply, TargetScore
    from streams.alert import Band as RiskBand
    from streams.alert import Risk


@click.command(short_help="Run the reactor: changed customers are scored, and alerts published.")
def command() -> None:
    """Hear which customers moved, ask the scorer about them, publish alerts; until Ctrl-C.

    An alert is raised when a customer's band becomes high and cleared when it is usual again or nobody asks any more
    (cancelled, erased). Heard is what moves from now on; asked about first is everyone whose alert stands.

    \b
    Example:
      cerebro react
    """
    import faust

    from rpc.client import ScorerClient
    from scv import settings
    from store import heartbeat
    from store.client import connect
    from streams import reactor
    from streams.kafka import topics

    config = settings.load()
    topics.ensure(config)
    client = connect(config)
    with ScorerClient(config.scorer) as scorer:
        app, counts = reactor.build(config, _asker(scorer), client, heartbeat.Heartbeat(client, "reactor").beat)
        click.echo(f"Reactor up: it hears {topics.scv_changed(config)} and asks {config.scorer}.", err=True)
        try:
            faust.Worker(app, loglevel="warning", redirect_stdouts=False).execute_from_commandline()
        finally:
            click.echo(
                f"Heard {counts.heard}, asked {counts.asked}, alerts {counts.alerts}, failed {counts.failed}.", err=True
            )


def _asker(scorer: ScorerClient) -> Callable[[str, list[str]], Iterable[Risk]]:
    """The scorer's answers as the reactor wants them: one per customer and target, also where there is no score."""

    def ask(country: str, customer_ids: list[str]) -> Iterable[Risk]:
        for reply in scorer.score_batch(country, customer_ids):
            for target in reply.targets:
                yield risk_of(reply, target)

    return ask


def risk_of(reply: ScoreReply, target: TargetScore) -> Risk:
    """One answer of the scorer. Who was refused for stale rows may be scored again, the others may not."""
    from rpc.scorer_pb2 import SCORED, STALE_REFUSED, Band
    from streams.alert import Risk

    scored = target.status == SCORED
    unscored = "stale" if target.status == STALE_REFUSED else "none"
    hint = target.reasons[0].agent_hint if target.reasons else ""
    return Risk(
        country=reply.country,
        customer_id=reply.customer_id,
        target=target.target,
        band=cast("RiskBand", Band.Name(target.band).lower() if scored else unscored),
        probability=target.probability if scored else None,
        instant=reply.instant.ToJsonString() if reply.HasField("instant") else "",
        horizon_days=target.horizon_days,
        reason=hint if scored else target.status_reason,
    )

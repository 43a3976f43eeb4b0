"""Run the reactor: changed customers are scored, and alerts published."""

from __future__ import annotations

import click


@click.command()
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
    from streams.alert import Risk, risk_of
    from streams.kafka import topics

    config = settings.load()
    topics.ensure(config)
    client = connect(config)
    with ScorerClient(config.scorer) as scorer:

        def ask(country: str, customer_ids: list[str]) -> list[Risk]:
            """One answer per customer and target, also where there is no score."""
            replies = scorer.score_batch(country, customer_ids)
            return [risk_of(reply, target) for reply in replies for target in reply.targets]

        app, counts = reactor.build(config, ask, client, heartbeat.Heartbeat(client, "reactor").beat)
        click.echo(f"Reactor up: it hears {topics.scv_changed(config)} and asks {config.scorer}.", err=True)
        try:
            faust.Worker(app, loglevel="warning", redirect_stdouts=False).execute_from_commandline()
        finally:
            click.echo(
                f"Heard {counts.heard}, asked {counts.asked}, alerts {counts.alerts}, failed {counts.failed}.", err=True
            )

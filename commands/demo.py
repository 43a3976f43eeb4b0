"""Run the whole path on real data: events, view, model, live score, Tuesday's file, feedback."""

from __future__ import annotations

import click

UP = "The services are up; `.venv/bin/cerebro down` stops them. Three commands to go on with:"
DOWN = "The services are stopped; `.venv/bin/cerebro up --all` starts them again over the same files. Then:"
NEXT = (
    "cerebro score US {}",
    "cerebro fetch US -d 2017-09-05 --out scv.csv",
    "feast -c feature_repo feature-views list",
)


@click.command(short_help="Run the whole path on real data, from event to Tuesday's file.")
@click.option("--keep", is_flag=True, help="Leave the services up afterwards; `cerebro down` stops them.")
@click.option("--broker", type=click.Choice(["tansu", "kafka"]), default="tansu", show_default=True)
@click.option("--store", type=click.Choice(["valkey", "redis"]), default="valkey", show_default=True)
def command(keep: bool, broker: str, store: str) -> None:
    """Start everything on this machine, replay a year of grocery baskets through it, and show what comes out.

    It begins with an empty CEREBRO_HOME (a folder that holds anything else is refused) and leaves its files there.

    \b
    Example:
      cerebro demo --keep
    """
    from cli import run
    from local.demo import stage
    from local.demo.narrator import Narrator
    from local.services import interruptible

    with interruptible():
        narrator = Narrator(run)
        narrator.step(f"cerebro up --all --broker {broker} --store {store} &")
        with stage.up(broker, store, keep) as settings:
            from local.demo.story import Story  # loads Feast, which takes seconds: not before it is known to be told

            household = Story(narrator, settings).play()
        lines = [f"  .venv/bin/{line.format(household)}" for line in NEXT]
        narrator.show("Now you", UP if keep else DOWN, *lines)
        narrator.recap()

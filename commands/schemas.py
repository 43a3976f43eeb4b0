"""Print the published JSON Schema of one event family, or of all; or the scorer's contract."""

from __future__ import annotations

import json
from importlib import resources

import click

from scv.events import event
from scv.events.schema import schema


@click.command()
@click.argument("family", required=False)
@click.option("--proto", is_flag=True, help="Print what the scorer speaks (gRPC), scorer.proto, instead.")
def command(family: str | None, proto: bool) -> None:
    """Print the published JSON Schema of one event FAMILY, or of all by name.

    `cerebro replay` takes Parquet or JSON-lines files whose records follow these schemas. A producer's key is
    country:customer_id and its partitioner murmur2_random (librdkafka) or its like: docs/producing.md.

    \b
    Example:
      cerebro schemas orders
      cerebro schemas > schemas.json
      cerebro schemas --proto > scorer.proto
    """
    if proto:
        click.echo(resources.files("rpc").joinpath("scorer.proto").read_text(encoding="utf-8"), nl=False)
        return
    found = schema(family) if family else {name: schema(name) for name in event.FAMILIES}
    click.echo(json.dumps(found, indent=2))

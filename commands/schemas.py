"""Print the published JSON Schema of one event family, or of all."""

from __future__ import annotations

import json

import click

from scv.events import event
from scv.events.schema import schema


@click.command()
@click.argument("family", required=False)
def command(family: str | None) -> None:
    """Print the published JSON Schema of one event FAMILY, or of all by name.

    `cerebro replay` takes Parquet or JSON-lines files whose records follow these schemas. A producer's key is
    country:customer_id and its partitioner murmur2_random (librdkafka) or its like: docs/producing.md.

    \b
    Example:
      cerebro schemas orders
      cerebro schemas > schemas.json
    """
    found = schema(family) if family else {name: schema(name) for name in event.FAMILIES}
    click.echo(json.dumps(found, indent=2))

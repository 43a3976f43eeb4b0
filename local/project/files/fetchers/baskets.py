"""A fetcher: features over one family of events. Make it yours, or delete the file and what names it."""

from scv.features.fetcher import Fetcher
from scv.folds import Count, Max, Min


class Baskets(Fetcher):
    """How large the customer's orders are."""

    family = "orders"  # `cerebro schemas orders` prints its events and their fields

    # A feature is a fold over a field, of some kinds of events, within windows of days that end when it is read.
    largest = Max("amount_cents", kinds=("placed",), doc="Largest order, in cents.", unit="cents").each(28, 182)
    smallest = Min("amount_cents", kinds=("placed",), doc="Smallest order lately, in cents.", unit="cents").over(28)
    meals = Max("items", kinds=("placed",), doc="Most items in an order lately.", unit="items").over(28)
    full = Count(
        kinds=("placed",), where=(("amount_cents", ">=", 5000),), doc="Orders of 50 or more.", unit="orders"
    ).each(28, 182)

from scv.features.fetcher import Fetcher
from scv.folds import (
    ActiveDays,
    Count,
    DaysSince,
    DaysSinceFirst,
    GapLongest,
    GapMean,
    GapSd,
    Latest,
    Max,
    Sum,
    WeekStreak,
)
from scv.folds.fold import Condition

PLACED = ("placed",)
DELIVERED = ("delivered",)
LATE: tuple[Condition, ...] = (("late_days", ">=", 1),)
BACK = ("returned", "refunded", "order_cancelled")
"""What comes after an order. It changes money and counts of its own; only `PLACED` is ordering."""


class Orders(Fetcher):
    """What the customer ordered, how much it was worth, how the boxes arrived and what came back."""

    family = "orders"

    days_since = DaysSince(
        kinds=PLACED,
        doc="Days since the last order.",
        unit="days",
        hint="The last order was {value} {value:day|days} ago; usually one comes every {usual} {usual:day|days}.",
        sayable="It has been {value} {value:day|days} since your last order.",
    )
    tenure = DaysSinceFirst(kinds=PLACED, doc="Days since the first order seen.", unit="days")
    count = Count(
        kinds=PLACED,
        doc="Orders placed.",
        unit="orders",
        hint="{value} {value:order|orders} in the last {days} days; usually {usual}.",
    ).each(7, 14, 28, 56, 91)
    count_ever = Count(kinds=PLACED, doc="Orders ever placed.", unit="orders")
    active_days = ActiveDays(kinds=PLACED, doc="Days with an order.", unit="days").each(28, 91, 182)
    spend = Sum(
        "amount_cents",
        kinds=PLACED,
        doc="Money spent, in cents.",
        unit="cents",
        hint="Spent {value} in the last {days} days; usually {usual}.",
    ).each(7, 14, 28, 56, 91)
    spend_ever = Sum("amount_cents", kinds=PLACED, doc="Money ever spent, in cents.", unit="cents")
    items = Sum("items", kinds=PLACED, doc="Items ordered.", unit="items").each(28, 91)
    largest = Max("amount_cents", kinds=PLACED, doc="Largest order, in cents.", unit="cents").over(91)
    box_size = Latest("box_size", kinds=PLACED, doc="Size of the box last ordered.")
    late_boxes = Count(
        kinds=DELIVERED,
        where=LATE,
        doc="Boxes that came late.",
        unit="boxes",
        hint="{value} {value:box|boxes} came late in the last {days} days.",
        sayable="{value} of your last boxes came late.",
    ).each(28, 56)
    days_since_late_box = DaysSince(
        kinds=DELIVERED,
        where=LATE,
        doc="Days since a box last came late.",
        unit="days",
        hint="A box came late {value} {value:day|days} ago.",
    )
    late_days = Sum("late_days", kinds=DELIVERED, doc="Days late, summed.", unit="days").over(56)
    boxes = Count(kinds=DELIVERED, doc="Boxes delivered.", unit="boxes").over(56)
    returns = Count(
        kinds=("returned",),
        doc="Returns: goods of an order sent back, all or some.",
        unit="returns",
        hint="{value} {value:return|returns} in the last {days} days.",
        sayable="We took back {value} of your last orders.",
    ).each(28, 91)
    returns_ever = Count(
        kinds=("returned",),
        doc="Returns ever.",
        unit="returns",
        hint="{value} {value:return|returns} since the first order.",
    )
    given_back = Sum(
        "amount_cents",
        kinds=BACK,
        doc="Money given back for orders returned, refunded or called off, in cents.",
        unit="cents",
        hint="{value} was given back in the last {days} days.",
    ).each(28, 91)
    given_back_ever = Sum(
        "amount_cents",
        kinds=BACK,
        doc="Money ever given back, in cents.",
        unit="cents",
        hint="{value} was given back since the first order.",
    )
    called_off = Count(
        kinds=("order_cancelled",),
        doc="Orders called off before they came, all or in part.",
        unit="orders",
        hint="{value} {value:order|orders} called off in the last {days} days.",
    ).over(91)


class Rhythm(Fetcher):
    """How regular the customer's own ordering is."""

    family = "orders"

    gap_mean = GapMean(
        kinds=PLACED,
        doc="Mean days between ordering days.",
        unit="days",
    )
    gap_sd = GapSd(kinds=PLACED, doc="Spread of the days between ordering days.", unit="days")
    gap_longest = GapLongest(kinds=PLACED, doc="Longest pause between ordering days.", unit="days")
    recent_gap_mean = GapMean(
        kinds=PLACED,
        doc="Mean days between ordering days of the last 91 days.",
        unit="days",
        hint="Lately an order comes every {value} {value:day|days}; usually every {usual} {usual:day|days}.",
    ).over(91)
    week_streak = WeekStreak(kinds=PLACED, doc="Weeks in a row with an order.", unit="weeks")


class Offers(Fetcher):
    """Discounts given on orders and vouchers redeemed."""

    family = "orders"

    discount = Sum(
        "discount_cents",
        kinds=PLACED,
        doc="Discount given, in cents.",
        unit="cents",
        hint="{value} of discount in the last {days} days; usually {usual}.",
    ).each(28, 91)
    discount_ever = Sum("discount_cents", kinds=PLACED, doc="Discount ever given.", unit="cents")
    vouchers = Count(
        kinds=("voucher_redeemed",),
        doc="Vouchers redeemed.",
        unit="vouchers",
        hint="{value} {value:voucher|vouchers} redeemed in the last {days} days; usually {usual}.",
    ).each(28, 91)
    days_since_voucher = DaysSince(kinds=("voucher_redeemed",), doc="Days since the last voucher.", unit="days")

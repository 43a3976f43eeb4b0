"""Row-wise features, one row each: what is computed of features that were read, and what it means."""

from scv.features.derived import Derived, Minus, Over, Plus

SILENCE, GAP, GAP_SD, GAP_LATELY = "orders__days_since", "rhythm__gap_mean", "rhythm__gap_sd", "rhythm__recent_gap_mean"
COUNT_28, COUNT_91, COUNT_EVER = "orders__count_28d", "orders__count_91d", "orders__count_ever"
SPEND_28, SPEND_91, SPEND_EVER = "orders__spend_28d", "orders__spend_91d", "orders__spend_ever"
OFF_28, OFF_91 = "offers__discount_28d", "offers__discount_91d"
BACK_28, BACK_91, BACK_EVER = "orders__given_back_28d", "orders__given_back_91d", "orders__given_back_ever"
FAILED, CHARGED = "payments__failures_28d", "payments__charges"
APP, *APP_BEFORE = (f"app_usage__minutes_w{week}" for week in range(1, 7))

# fmt: off
DERIVED = (
    Derived("overdue", Over(SILENCE, GAP), "Days since the last order over the customer's own mean gap."),
    Derived("overdue_lately", Over(SILENCE, GAP_LATELY),
            "Days since the last order over the mean gap of the last 91 days."),
    Derived("overdue_spread", Over(Minus(SILENCE, GAP), GAP_SD),
            "How many standard deviations of the gaps the silence lies above their mean."),
    Derived("overdue_longest", Over(SILENCE, "rhythm__gap_longest"),
            "Days since the last order over the longest gap so far."),
    Derived("gap_trend", Over(GAP_LATELY, GAP),
            "Mean gap of the last 91 days over the mean of all: above 1, the customer slows down."),
    Derived("irregularity", Over(GAP_SD, GAP), "Spread of the gaps over their mean."),
    Derived("spend_trend", Over(Over(SPEND_28, 28), Over(SPEND_91, 91)),
            "Spend a day of the last 28 days over that of the last 91."),
    Derived("orders_trend", Over(COUNT_28, Over("orders__count_56d", 2)),
            "Orders of the last 28 days over half of those of the last 56."),
    Derived("orders_trend_week", Over("orders__count_7d", Over(COUNT_28, 4)),
            "Orders of the last week over a quarter of those of the last four."),
    Derived("orders_trend_quarter", Over(Over(COUNT_28, 28), Over(COUNT_91, 91)),
            "Orders a day of the last 28 days over those of the last 91."),
    Derived("order_rate", Over(COUNT_EVER, "orders__tenure"), "Orders a day since the first one."),
    Derived("basket_value", Over(SPEND_91, COUNT_91), "Mean value of an order of the last 91 days, in cents."),
    Derived("basket_trend", Over(Over(SPEND_28, COUNT_28), Over(SPEND_EVER, COUNT_EVER)),
            "Mean value of an order of the last 28 days over that of all."),
    Derived("items_per_order", Over("orders__items_91d", COUNT_91),
            "Mean number of items in an order of the last 91 days."),
    Derived("discount_share", Over(OFF_91, Plus(OFF_91, SPEND_91)),
            "Share of the price before discount that was discount, in the last 91 days."),
    Derived("discount_trend", Over(Over(OFF_28, 28), Over(OFF_91, 91)),
            "Discount a day of the last 28 days over that of the last 91."),
    Derived("late_share", Over("orders__late_boxes_56d", "orders__boxes"),
            "Share of the boxes of the last 56 days that came late."),
    Derived("net_spend_28d", Minus(SPEND_28, BACK_28),
            "Money spent in the last 28 days less what was given back in them, in cents."),
    Derived("net_spend_91d", Minus(SPEND_91, BACK_91),
            "Money spent in the last 91 days less what was given back in them, in cents."),
    Derived("net_spend_ever", Minus(SPEND_EVER, BACK_EVER), "Money ever spent less what was given back, in cents."),
    Derived("return_rate", Over("orders__returns_ever", COUNT_EVER), "Returns for each order so far."),
    Derived("return_share", Over(BACK_EVER, SPEND_EVER), "Share of the money ever spent that was given back."),
    Derived("app_trend", Over(APP, Over(Plus(*APP_BEFORE), 5)),
            "Minutes in the app of the last week over the mean of the five before."),
    Derived("complaint_rate", Over("support__complaints_91d", COUNT_91),
            "Complaints for each order of the last 91 days."),
    Derived("open_complaints", Minus("support__complaints_ever", "support__closed_ever"),
            "Complaints that are not closed."),
    Derived("stars_mean", Over("support__stars", "support__ratings"), "Mean rating of the last 56 days."),
    Derived("failure_share", Over(FAILED, Plus(FAILED, CHARGED)),
            "Share of the payments of the last 28 days that failed."),
)

from scv.features.fetcher import Fetcher
from scv.folds import Count, DaysSince, Latest, Sum


class Payments(Fetcher):
    """How the customer pays, and whether it works."""

    family = "payments"

    method = Latest("method", doc="Payment method last used.")
    failures = Count(
        kinds=("failed",),
        doc="Payments that failed.",
        unit="payments",
        hint="{value} {value:payment|payments} failed in the last {days} days.",
    ).each(28, 91)
    charges = Count(kinds=("charged",), doc="Payments that went through.", unit="payments").over(28)
    charged = Sum("amount_cents", kinds=("charged",), doc="Money charged.", unit="cents").over(28)
    days_since_failure = DaysSince(kinds=("failed",), doc="Days since a payment last failed.", unit="days")

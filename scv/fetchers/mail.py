from scv.features.fetcher import Fetcher
from scv.folds import Count, DaysSince, DistinctCount
from scv.folds.fold import Words


class Mail(Fetcher):
    """Mailings sent to the customer."""

    family = "mail"

    sent = Count(
        kinds=("sent",),
        words=Words(doc="Mailings sent.", unit="mailings", hint="{value} mailings lately; usually {usual}"),
    ).each(28, 91)
    campaigns = DistinctCount(
        "campaign", words=Words(doc="Different campaigns (exact up to 32).", unit="campaigns")
    ).over(182)
    days_since = DaysSince(kinds=("sent",), words=Words(doc="Days since the last mailing.", unit="days"))

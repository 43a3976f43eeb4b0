from scv.features.fetcher import Fetcher
from scv.folds import Count, DaysSince, DistinctCount


class Mail(Fetcher):
    """Mailings sent to the customer."""

    family = "mail"

    sent = Count(
        kinds=("sent",),
        doc="Mailings sent.",
        unit="mailings",
        hint="{value} {value:mailing|mailings} in the last {days} days; usually {usual}.",
    ).each(28, 91)
    campaigns = DistinctCount("campaign", doc="Different campaigns (exact up to 32).", unit="campaigns").over(182)
    days_since = DaysSince(kinds=("sent",), doc="Days since the last mailing.", unit="days")

from scv.features.fetcher import Fetcher
from scv.folds import ActiveDays, Count, DaysSince, Latest, Sum


class AppUsage(Fetcher):
    """Time spent in the mobile app."""

    family = "app"

    minutes = Sum("duration_s", per=60, doc="Minutes in the app in one week back.", unit="minutes").each_week(6)
    sessions = Count(kinds=("session",), doc="App sessions.", unit="sessions").each(7, 28)
    active_days = ActiveDays(doc="Days with an app session.", unit="days").over(28)
    days_since = DaysSince(
        doc="Days since the last app session.",
        unit="days",
        hint="The app was last opened {value} {value:day|days} ago; usually every {usual} {usual:day|days}.",
    )


class Phone(Fetcher):
    """The phone that the customer last used the app with."""

    family = "app"

    brand = Latest("device_brand", doc="Brand of the phone last seen.")
    model = Latest("device_model", doc="Model of the phone last seen.")

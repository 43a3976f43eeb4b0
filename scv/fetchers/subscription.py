from scv.features.fetcher import Fetcher
from scv.folds import Count, DaysSince, DaysSinceFirst, DaysUntil, DaysUntilWeekday, Latest, LatestBy

STATES = ("started", "paused", "resumed", "cancelled", "reactivated")
SKIPS = ("skipped", "unskipped")


class Lifecycle(Fetcher):
    """Where the subscription stands: started, paused, resumed, cancelled, reactivated."""

    family = "subscription"

    state = Latest("kind", kinds=STATES, doc="The newest change of the subscription.")
    days_in_state = DaysSince(kinds=STATES, doc="Days since that change.", unit="days")
    tenure = DaysSinceFirst(kinds=STATES, doc="Days since the subscription began.", unit="days")
    days_since_start = DaysSince(
        kinds=("started", "reactivated"), doc="Days since it began or began again.", unit="days"
    )
    days_since_cancelled = DaysSince(kinds=("cancelled",), doc="Days since cancelling.", unit="days")
    cancelled_freely = Latest(
        "voluntary", kinds=("cancelled",), doc="1 if the newest cancellation was the customer's wish."
    )
    pauses = Count(kinds=("paused",), doc="Pauses taken.", unit="pauses", hint="{value} pauses lately").over(91)
    cancellations = Count(kinds=("cancelled",), doc="Cancellations so far.", unit="times")
    pause_ends_in = DaysUntil("until_on", kinds=("paused",), doc="Days until the pause ends.", unit="days")
    skips_ahead = LatestBy(
        "delivery_on",
        kinds=SKIPS,
        equals="skipped",
        doc="Coming boxes already skipped.",
        unit="boxes",
        hint="{value} coming boxes already skipped",
    )
    skips = LatestBy(
        "delivery_on",
        kinds=SKIPS,
        equals="skipped",
        doc="Boxes skipped.",
        unit="boxes",
        hint="skipped {value} of the last boxes",
        sayable="You skipped {value} of your last boxes.",
    ).over(28)
    delivery_weekday = Latest(
        "delivery_weekday",
        kinds=("started", "reactivated"),
        doc="Day of the week on which the boxes come, 0 for Monday.",
    )
    open_box_skipped = LatestBy(
        "delivery_on",
        kinds=SKIPS,
        equals="skipped",
        doc="1 if the open box, the next one that can still be changed, is already skipped.",
        unit="boxes",
        hint="the next box is already skipped",
        sayable="Your next box is skipped.",
    ).over_open_week()
    cut_off_in = DaysUntilWeekday(
        "delivery_weekday", kinds=("started", "reactivated"), doc="Days until the cut-off of the open box.", unit="days"
    ).over_open_week()
    acquired_by = Latest("source", kinds=("started",), doc="What brought the customer.")

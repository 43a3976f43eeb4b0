from scv.features.fetcher import Fetcher
from scv.folds import (
    Count,
    DaysInState,
    DaysSince,
    DaysSinceFirst,
    DaysUntilCutOff,
    DaysUntilEnd,
    DaysUntilPauseEnds,
    Latest,
    OpenBoxSkipped,
    OpenBoxWeekday,
    SkippedBoxes,
    StandingSubscriptions,
    SubscriptionState,
)

STATES = ("started", "paused", "resumed", "cancelled", "reactivated")


class Lifecycle(Fetcher):
    """Where the customer's subscriptions stand: running, paused, ending or over."""

    family = "subscription"

    state = SubscriptionState(
        doc="How they stand: started, resumed or reactivated (a subscription runs), paused, ending (cancelled, "
        "paid for still), cancelled or ended (a term ran out)."
    )
    days_in_state = DaysInState(doc="Days since it came to stand so.", unit="days")
    subscriptions = StandingSubscriptions(doc="Subscriptions that run or are paused.", unit="subscriptions")
    tenure = DaysSinceFirst(kinds=STATES, doc="Days since the customer's first subscription began.", unit="days")
    days_since_start = DaysSince(
        kinds=("started", "reactivated"), doc="Days since one began or began again.", unit="days"
    )
    days_since_cancelled = DaysSince(kinds=("cancelled",), doc="Days since cancelling.", unit="days")
    cancelled_freely = Latest(
        "voluntary",
        kinds=("cancelled",),
        doc="1 if the newest cancellation of which that is known was the customer's wish.",
    )
    pauses = Count(
        kinds=("paused",),
        doc="Pauses taken.",
        unit="pauses",
        hint="{value} {value:pause|pauses} in the last {days} days.",
    ).over(91)
    cancellations = Count(kinds=("cancelled",), doc="Cancellations so far.", unit="times")
    pause_ends_in = DaysUntilPauseEnds(doc="Days until the pause ends.", unit="days")
    ends_in = DaysUntilEnd(doc="Days until the subscription ends: a term, or what is paid for.", unit="days")
    skips_ahead = SkippedBoxes(
        doc="Coming boxes already skipped.",
        unit="boxes",
        hint="{value} coming {value:box is|boxes are} already skipped.",
    )
    skips = SkippedBoxes(
        doc="Boxes skipped.",
        unit="boxes",
        hint="{value} {value:box|boxes} skipped in the last {days} days.",
        sayable="You skipped {value} of your last boxes.",
    ).over(28)
    delivery_weekday = OpenBoxWeekday(doc="Day of the week on which the open box comes, 0 for Monday.").over_open_week()
    open_box_skipped = OpenBoxSkipped(
        doc="1 if the open box, the next one that can still be changed, is already skipped.",
        unit="boxes",
        hint="The next box is already skipped.",
        sayable="Your next box is skipped.",
    ).over_open_week()
    cut_off_in = DaysUntilCutOff(doc="Days until the cut-off of the open box.", unit="days").over_open_week()
    acquired_by = Latest("source", kinds=("started",), doc="What brought the customer.")

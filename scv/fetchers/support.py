from scv.features.fetcher import Fetcher
from scv.folds import Count, DaysSince, Latest, Min, Sum


class Support(Fetcher):
    """Complaints and ratings."""

    family = "support"

    complaints = Count(
        kinds=("complaint_opened",),
        doc="Complaints opened.",
        unit="complaints",
        hint="{value} {value:complaint|complaints} in the last {days} days.",
        sayable="You told us of {value} {value:problem|problems} lately.",
    ).each(28, 91)
    complaints_ever = Count(kinds=("complaint_opened",), doc="Complaints ever opened.", unit="complaints")
    closed_ever = Count(kinds=("complaint_closed",), doc="Complaints ever closed.", unit="complaints")
    days_since_complaint = DaysSince(kinds=("complaint_opened",), doc="Days since the last complaint.", unit="days")
    ratings = Count(kinds=("rating",), doc="Ratings given.", unit="ratings").over(56)
    stars = Sum("stars", kinds=("rating",), doc="Stars given, summed.", unit="stars").over(56)
    worst_stars = Min(
        "stars", kinds=("rating",), doc="Worst rating.", unit="stars", hint="A box was rated {value} of 5."
    ).over(56)
    last_stars = Latest("stars", kinds=("rating",), doc="Newest rating.", unit="stars")

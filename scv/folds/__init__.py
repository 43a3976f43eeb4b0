"""The closed set of folds. `FOLDS` is what the law tests collect."""

from scv.folds.boxes import DaysUntilCutOff, OpenBoxSkipped, OpenBoxWeekday, SkippedBoxes
from scv.folds.day_set import ActiveDays, GapLongest, GapMean, GapSd, WeekStreak
from scv.folds.distinct_count import DistinctCount
from scv.folds.extreme import DaysSince, DaysSinceFirst, Max, Min
from scv.folds.latest import DaysUntil, Latest, YearsSince
from scv.folds.subscriptions import (
    DaysInState,
    DaysUntilEnd,
    DaysUntilPauseEnds,
    StandingSubscriptions,
    SubscriptionState,
)
from scv.folds.total import Count, Sum

FOLDS = (
    *(Count, Sum, DistinctCount),
    *(Max, Min, DaysSince, DaysSinceFirst),
    *(Latest, DaysUntil, YearsSince),
    *(ActiveDays, GapMean, GapSd, GapLongest, WeekStreak),
    *(SubscriptionState, DaysInState, DaysUntilPauseEnds, DaysUntilEnd, StandingSubscriptions),
    *(SkippedBoxes, OpenBoxWeekday, OpenBoxSkipped, DaysUntilCutOff),
)

__all__ = [fold.__name__ for fold in FOLDS] + ["FOLDS"]

"""The closed set of folds. `FOLDS` is what the law tests collect."""

from scv.folds.day_set import ActiveDays, GapLongest, GapMean, GapSd, WeekStreak
from scv.folds.distinct_count import DistinctCount
from scv.folds.extreme import DaysSince, DaysSinceFirst, Max, Min
from scv.folds.latest import DaysUntil, DaysUntilWeekday, Latest, YearsSince
from scv.folds.latest_by import LatestBy
from scv.folds.total import Count, Sum

FOLDS = (
    *(Count, Sum, DistinctCount, LatestBy),
    *(Max, Min, DaysSince, DaysSinceFirst),
    *(Latest, DaysUntil, DaysUntilWeekday, YearsSince),
    *(ActiveDays, GapMean, GapSd, GapLongest, WeekStreak),
)

__all__ = [fold.__name__ for fold in FOLDS] + ["FOLDS"]

"""The closed set of folds: one file each. `FOLDS` is what the law tests collect."""

from scv.folds.active_days import ActiveDays
from scv.folds.count import Count
from scv.folds.dated import DaysUntil, DaysUntilWeekday, YearsSince
from scv.folds.days_since import DaysSince, DaysSinceFirst
from scv.folds.distinct_count import DistinctCount
from scv.folds.extreme import Max, Min
from scv.folds.gaps import GapLongest, GapMean, GapSd, WeekStreak
from scv.folds.latest import Latest
from scv.folds.latest_by import LatestBy
from scv.folds.sum import Sum

FOLDS = (
    Count,
    Sum,
    Min,
    Max,
    Latest,
    DistinctCount,
    ActiveDays,
    DaysSince,
    DaysSinceFirst,
    DaysUntil,
    DaysUntilWeekday,
    YearsSince,
    GapMean,
    GapSd,
    GapLongest,
    WeekStreak,
    LatestBy,
)

__all__ = [fold.__name__ for fold in FOLDS] + ["FOLDS"]

"""Who starts, leaves, is thrown out, pauses, resumes and comes back in a week, and who skips which box."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from proof.world.climate import AHEAD, ClimateWeek
from proof.world.hazards import REGRETTED, UNDONE, Hazards
from proof.world.subscribers import ABSENT, ACTIVE, GONE, NEVER, PAUSED, Ints, Mask, Subscribers

STAYED = 7
"""The day of those to whom nothing happens."""
PAID_DAYS = 21
"""Who has paid ahead gets boxes for so long after cancelling."""
_UNSKIPPED = 0.04


class Moves(NamedTuple):
    """Masks bool[n] of what happened to a subscription, at most one each, and `day` int64[n] of the week (0 to 6,
    7 for those to whom nothing happened); `undone`: a cancellation taken back on day `back`. `until`: the local day
    at which a pause begun now ends, NEVER without one; `ends` the one up to which what was cancelled brings boxes.
    `standing`: gets a box, active or paid for, at the cut-off. `switched`: one subscription exchanged for another at
    the week's end, by those to whom nothing else happened. `status` after the week."""

    started: Mask
    cancelled: Mask
    forced: Mask
    paused: Mask
    resumed: Mask
    returned: Mask
    undone: Mask
    day: Ints
    back: Ints
    until: Ints
    ends: Ints
    standing: Mask
    switched: Mask
    status: Ints


class Skips(NamedTuple):
    """`open` bool[n]: a click on the open box, on day `day`; `regretted`: taken back before the cut-off. `later`
    bool[n, AHEAD]: clicks on later boxes, on day `later_day`; `undone` bool[n, AHEAD + 1]: skips of earlier weeks
    taken back on day `undone_day`. `skipped` bool[n, AHEAD + 1]: what stands after the week's clicks."""

    open: Mask
    regretted: Mask
    day: Ints
    later: Mask
    later_day: Ints
    undone: Mask
    undone_day: Ints
    skipped: Mask


def move(s: Subscribers, week: ClimateWeek, h: Hazards, fate: np.random.Generator) -> Moves:
    n = len(s)
    luck = fate.random(n)
    forced_at = h.cancel + (1 - h.cancel) * h.force
    moved_at = forced_at + (1 - forced_at) * h.move
    cancelled, forced = luck < h.cancel, (luck >= h.cancel) & (luck < forced_at)
    moved = (luck >= forced_at) & (luck < moved_at)
    started = (s.status == ABSENT) & (s.joins == week.number)
    day = np.where(started, s.enters, week.click_day(fate.random(n)))
    ending = (s.status == PAUSED) & (s.until < week.day + 7)
    ends = np.maximum(s.until - week.day, 0)
    day = np.where(ending, np.where(moved, ends, np.minimum(day, ends)), day)
    undone = cancelled & (day < 6) & (fate.random(n) < UNDONE)
    back = day + 1 + np.floor(fate.random(n) * (6 - day)).astype(np.int64)
    day = np.where(started | cancelled | forced | moved, day, STAYED)
    told, length = fate.random(n) < 0.85, fate.integers(10, 45, n)
    paused, resumed = moved & (s.status == ACTIVE), moved & (s.status == PAUSED)
    returned = moved & (s.status == GONE)
    gone, in_again = (cancelled & ~undone) | forced, started | resumed | returned
    status = np.where(gone, GONE, np.where(paused, PAUSED, np.where(in_again | undone, ACTIVE, s.status)))
    until = np.where(told, week.day + day + length, NEVER)
    switched = (s.status == ACTIVE) & (day == STAYED) & (s.age == s.switches) & ~s.second
    ends = np.where(cancelled & s.prepaid, week.day + day + PAID_DAYS, s.ends)
    ends = np.where(switched, week.day + PAID_DAYS, ends)
    moves = Moves(
        started, cancelled, forced, paused, resumed, returned, undone, day, back, until, ends, moved, switched, status
    )
    return moves._replace(standing=_standing(s, week, moves))


def _standing(s: Subscribers, week: ClimateWeek, moves: Moves) -> Mask:
    late, undone = moves.day >= s.cut_off, moves.undone & (moves.back < s.cut_off)
    in_again = moves.started | moves.resumed | moves.returned
    in_time = ~late | (moves.resumed & (s.until <= week.day + s.cut_off))  # a date is over as its day begins
    runs = np.where(s.status == ACTIVE, late | undone, in_again & in_time) | ((s.status == PAUSED) & undone)
    left = np.where(s.status == GONE, ~(moves.returned & ~late), (moves.cancelled | moves.forced) & ~late & ~undone)
    return runs | (left & (moves.ends > week.due(s.cut_off)))


def skip(s: Subscribers, week: ClimateWeek, h: Hazards, moves: Moves, fate: np.random.Generator) -> Skips:
    n = len(s)
    wanted, share = fate.random(n) < h.skip, fate.random(n)
    day = week.click_day(share, week.before(s.cut_off))
    confused = (moves.undone | (moves.cancelled & s.prepaid)) & (moves.day < s.cut_off)  # gets the box, and wants it
    clicked = wanted & (day < moves.day) & ~confused
    regretted = clicked & (fate.random(n) < REGRETTED)
    later_day = week.click_day(fate.random(n))
    may = (later_day < moves.day) & (s.status == ACTIVE)
    later = (fate.random((n, AHEAD)) < h.ahead) & may[:, None]
    undone_day = week.click_day(fate.random(n), week.before(s.cut_off))
    may = (undone_day < moves.day) & (s.status == ACTIVE)
    undone = s.ahead & (fate.random((n, AHEAD + 1)) < _UNSKIPPED) & may[:, None]
    skipped = s.ahead & ~undone
    skipped[:, 0] |= clicked & ~regretted
    skipped[:, 1:] |= later
    return Skips(clicked, regretted, day, later, later_day, undone, undone_day, skipped)


def open_box(s: Subscribers, moves: Moves, skips: Skips) -> tuple[Mask, Mask]:
    """Two bool[n] about the box open at the beginning of the week, by its cut-off: skipped or paused, and no longer
    a question because of an involuntary end. Someone who cancelled before takes no box and skips none."""
    before = moves.day < s.cut_off
    gone = (moves.cancelled | moves.forced) & before
    return ~gone & ((moves.paused & before) | skips.skipped[:, 0]), moves.forced & before

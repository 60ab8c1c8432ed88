"""One week day by day: where the runs go, and the strength work between them.

- At least 70 % of running easy suits runners best (review of 20 articles, Int J Sports Med 2022;43(4):305-316,
  doi 10.1055/a-1559-3623); an easy day or a day off follows each hard one.
- Two strength sessions a week is the usual dose (Blagrove 2018, Sports Med 48(5):1117-49,
  doi 10.1007/s40279-017-0835-7); lifting 3 hours or more after a run costs less than right beside it (Schumann 2022,
  Sports Med 52(3):601-612, doi 10.1007/s40279-021-01587-7).
- 48 hours between sessions, none on the day before a long or hard run, and who is given a hard run at all: coaching
  practice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from course.core.plan import Kind, Week, nearest

FOR_HARD = 15.0  # km a week from which one run may have hard parts
APART = 2  # days between two strength sessions: 48 hours


class Run(StrEnum):
    EASY = "easy"
    HARD = "hard"  # easy, with a few short hard parts
    LONG = "long"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Day:
    weekday: int  # 0 is Monday
    run: Run
    distance: float  # in the unit of the week
    strength: bool


def lay_out(week: Week, running_days: Sequence[int], *, hard: bool) -> list[Day]:
    """Monday to Sunday. The distances add up to the week's total, and none is longer than its long run. `hard`: one
    run may have hard parts. A race week has no layout: its runs are few, short and easy."""
    if week.kind is Kind.RACE:
        raise ValueError("a race week is not laid out")
    long = long_day(running_days)
    others = [day for day in running_days if day != long]
    distances = dict(zip(others, _shares(week.total - week.long, week.long, len(others)), strict=True))
    on_hard = hard_day(running_days) if hard and week.kind in {Kind.SETTLE, Kind.BUILD} else None
    kinds = dict.fromkeys(others, Run.EASY) | {long: Run.LONG}
    if on_hard is not None:
        kinds[on_hard] = Run.HARD
    slots = strength_days(running_days, on_hard)
    distances[long] = week.long
    return [Day(day, kinds.get(day, Run.OFF), distances.get(day, 0.0), day in slots) for day in range(7)]


def long_day(running_days: Sequence[int]) -> int:
    """Sunday or Saturday if one of them is kept for running, else the last day that is."""
    return max(running_days)


def _shares(rest: float, most: float, runs: int) -> list[float]:
    """As even as can be in halves or tenths; the first runs take what is over."""
    tenths, most_tenths = round(rest * 10), round(most * 10)
    step = 5 if tenths % 5 == most_tenths % 5 == 0 else 1
    if not runs:
        return []
    each, over = divmod(tenths // step, runs)
    return [(each + (number < over)) * step / 10 for number in range(runs)]


def hard_day(running_days: Sequence[int]) -> int | None:
    """The day that lies farthest from the long run, with a day between on both sides; None if no day does, or if there
    are fewer than three days."""
    long = long_day(running_days)
    others = [day for day in running_days if day != long]
    if len(others) < 2:
        return None
    best = max(others, key=lambda day: (nearest(sorted((day, long))), day))
    return best if nearest(sorted((best, long))) >= APART else None


def strength_days(running_days: Sequence[int], hard_day: int | None) -> tuple[int, int]:
    """Two days at least 48 hours apart, none before the long or the hard run: best later on the hard day, then on days
    without a run."""
    long = long_day(running_days)
    taken = {long, (long - 1) % 7} | ({(hard_day - 1) % 7} if hard_day is not None else set())
    free = [day for day in range(7) if day not in taken]

    def cost(pair: tuple[int, int]) -> tuple[int, int, tuple[int, int]]:
        return -nearest(pair), sum(0 if day == hard_day else 2 if day in running_days else 1 for day in pair), pair

    first, second = min(combinations(free, 2), key=cost)
    return first, second

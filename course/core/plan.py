"""The weeks to come: a ramp of distance that no single run outgrows.

What is known and what is habit:

- A run more than 10 % longer than the longest of the 30 days before went with more overuse injuries (Frandsen 2025,
  Br J Sports Med 59(17):1203-10, doi 10.1136/bjsports-2024-109380; 5,205 runners, observational). So no run here is.
- Lighter weeks are plausible and thinly tested (Costa 2019, Sports Med-Open 5:32, doi 10.1186/s40798-019-0200-5).
- Before a race, two weeks with 41-60 % less went with better times (Bosquet 2007, Med Sci Sports Exerc 39(8):1358-65,
  doi 10.1249/mss.0b013e31806010e0).
- Steps of about 8 % a week, lighter weeks of about 20 % less, the share of the long run in a week, and how long a
  long run gets for a goal are coaching practice, with no trial behind them.

Distances are in the reader's unit, in steps that people can run: 0.1, 0.5 or 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from math import floor

from course.core.profile import Goal

WEEKS = 8
STEP, MOST = 1.08, 1.10  # of the week before
LIGHTER, LIGHTER_LONG = 0.80, 0.75
RETURN_LONG = 1.05  # in the week after a lighter one, of the longest so far
TAPER = {2: 0.55, 1: 0.45}  # by week to go, of the last full week: 41-60 % less
WINDOW = 4  # weeks that lie within 30 days
SHARES = {1: 1.0, 2: 0.65, 3: 0.5, 4: 0.45}  # the most of a week that its long run may be, by running days
SHARE = 0.4  # on five days and more
DISTANCES = {Goal.FIRST_5K: 5.0, Goal.TEN_K: 10.0, Goal.HALF: 21.1, Goal.MARATHON: 42.2}  # km
LONG_ENOUGH = {Goal.FIRST_5K: 8.0, Goal.TEN_K: 14.0, Goal.HALF: 19.0, Goal.MARATHON: 32.0, Goal.FITTER: 14.0}  # km


class Kind(StrEnum):
    SETTLE = "settle"
    BUILD = "build"
    LIGHTER = "lighter"
    TAPER = "taper"
    RACE = "race"  # its runs are besides the race


@dataclass(frozen=True, slots=True)
class Week:
    number: int  # from 1
    kind: Kind
    total: float
    long: float  # the longest run of the week; 0 in race week
    limit: float  # what the 30 days before allow a single run to be


def ramp(
    weekly: float, longest: float, days: int, *, most_long: float = 1000.0, weeks_to_race: int | None = None
) -> list[Week]:
    """Up to eight weeks from an average week and the longest run of the last 30 days, run on so many days.

    `weeks_to_race` counts race week as 1: the lighter weeks lie every four weeks before the taper, and the plan ends
    with the race. `most_long` is where the long run stops growing. All in one unit; both distances are above 0.
    """
    long = _down(min(longest, weekly * SHARES.get(days, SHARE)))
    top = max(long, most_long)
    total, rested = _down(min(weekly, days * long)), False
    recent, weeks = [longest], list[Week]()
    for number in range(1, min(WEEKS, weeks_to_race or WEEKS) + 1):
        to_go = weeks_to_race - number + 1 if weeks_to_race else None
        kind, limit = kind_of(number, to_go), MOST * max(recent[-WINDOW:])
        this_total, this_long = _free(kind, total, long, rested, TAPER.get(to_go or 0, 1.0))
        this_long = _down(min(this_long, limit, top, max(this_total, total) * SHARES.get(days, SHARE)))
        this_total = _down(min(this_total, days * this_long)) if kind is not Kind.RACE else this_total
        weeks.append(Week(number, kind, this_total, 0.0 if kind is Kind.RACE else this_long, limit))
        recent = [*(recent if number > 1 else []), this_long]
        if kind in {Kind.SETTLE, Kind.BUILD}:
            total, long = this_total, this_long
        rested = kind is Kind.LIGHTER
    return weeks


def kind_of(number: int, to_go: int | None) -> Kind:
    """What the `number`th week of a plan is for; `to_go` is 1 in race week."""
    if to_go in TAPER:
        return Kind.RACE if to_go == 1 else Kind.TAPER
    if number == 1:
        return Kind.SETTLE
    rests = number % 4 == 0 if to_go is None else to_go % 4 == 1
    return Kind.LIGHTER if rests else Kind.BUILD


def _free(kind: Kind, total: float, long: float, rested: bool, taper: float) -> tuple[float, float]:
    """Total and long run of a week before any limit, from those of the last full week. `rested`: the week between was
    a lighter one."""
    if kind is Kind.SETTLE:
        return total, long
    if kind is Kind.LIGHTER:
        return _down(LIGHTER * total), _down(LIGHTER_LONG * long)
    if kind is Kind.BUILD:
        if rested:
            return total, _down(RETURN_LONG * long)
        return min(_near(STEP * total), _down(MOST * total)), _down(MOST * long)
    return _down(taper * total), _down(taper * long)


def _step(value: float) -> float:
    return 0.1 if value < 5 else 0.5 if value < 20 else 1.0


def _down(value: float) -> float:
    step = _step(value)
    return round(floor(value / step + 1e-9) * step, 1)


def _near(value: float) -> float:
    step = _step(value)
    return round(round(value / step) * step, 1)


def usable_days(days: Sequence[int], weekly_km: float) -> tuple[int, ...]:
    """The days that the plan runs on: at most six, and so few that a run is 2 km or more on average; spread well.
    Coaching practice."""
    count = max(1, min(len(days), 6, int(weekly_km // 2)))
    if count == len(days):
        return tuple(days)
    return max(combinations(days, count), key=lambda some: (nearest(some), 6 in some, 5 in some))


def nearest(days: Sequence[int]) -> int:
    """The fewest days between two of these on the round of the week; 7 for one day."""
    return min(((after - before) % 7 or 7) for before, after in zip(days, [*days[1:], days[0]], strict=True))

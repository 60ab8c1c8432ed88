"""A runner's road: the plan that follows from what they told, or the sample runner's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from course.core import plan
from course.core.plan import Kind, Week
from course.core.profile import FRESH, SAM, Goal, Profile
from course.core.units import KM_IN_A_MILE, Units
from course.core.week import FOR_HARD

SAM_WEEK = 3  # of the sample's plan: the one that the lessons speak of


@dataclass(frozen=True, slots=True)
class Road:
    """`why` says in a sentence why there is no plan, or why it is Sam's; "" for neither."""

    weeks: Sequence[Week]
    days: tuple[int, ...]  # to run on
    hard: bool  # one run a week may have hard parts
    is_own: bool
    begins: date | None = None  # the Monday of the first week
    weeks_to_race: int | None = None  # from the first week, counting race week
    why: str = ""

    def week(self, today: date) -> Week:
        """The one that this day lies in, or the first to come."""
        if self.begins is None:
            return self.weeks[SAM_WEEK - 1]
        return self.weeks[max(0, min(len(self.weeks) - 1, (today - self.begins).days // 7))]


def road(profile: Profile, today: date) -> Road:
    """The plan of a runner in the unit they count in; the sample's is in km. It begins on the Monday after they told
    their numbers, so that every lesson shows the same weeks."""
    weekly, longest, told_on = profile.weekly_km, profile.longest_km, profile.told_on
    if weekly is None or longest is None or told_on is None:
        return _sample(profile, "We do not know your weekly distance and longest run, so these are Sam's numbers.")
    if (today - told_on).days > FRESH:
        return _sample(profile, "Your numbers are over 30 days old, so these are Sam's until you tell us new ones.")
    begins = told_on + timedelta(days=-told_on.weekday() % 7)
    days, hard = running_days(profile), may_go_hard(profile)
    race = profile.race_on
    if race and race < today:
        why = "Your race day has passed. Rest as long as you like; then tell us your new goal and your longest run."
        return Road((), days, hard, is_own=True, why=why)
    to_race = (race - timedelta(days=race.weekday()) - begins).days // 7 + 1 if race else None
    if to_race is not None and to_race < 1:
        why = "Your race is this week: short and easy runs, and a day off before it."
        return Road((), days, hard, is_own=True, why=why)
    size = KM_IN_A_MILE if profile.units == Units.MI else 1.0
    most = plan.LONG_ENOUGH.get(profile.goal or Goal.FITTER, 0.0) / size
    weeks = plan.ramp(weekly / size, longest / size, len(days), most_long=most, weeks_to_race=to_race)
    return Road(weeks, days, hard, is_own=True, begins=begins, weeks_to_race=to_race)


def _sample(profile: Profile, why: str) -> Road:
    weeks = plan.ramp(SAM.weekly_km or 0, SAM.longest_km or 0, len(SAM.running_days))
    return Road(weeks, SAM.running_days, hard=True, is_own=False, why="" if profile.says_nothing else why)


def running_days(profile: Profile) -> tuple[int, ...]:
    """The days that the plan runs on; Sam's for whoever told none."""
    return plan.usable_days(profile.running_days or SAM.running_days, profile.weekly_km or SAM.weekly_km or 0)


def may_go_hard(profile: Profile) -> bool:
    """Not on the way to a first 5K, nor before there is some distance to stand on. Coaching practice."""
    return profile.goal != Goal.FIRST_5K and (profile.weekly_km or SAM.weekly_km or 0) >= FOR_HARD


def beyond(profile: Profile, road: Road) -> bool:
    """Whether the race of this plan is longer than a single run may be by then."""
    if not road.weeks or road.weeks[-1].kind is not Kind.RACE or profile.goal not in plan.DISTANCES:
        return False
    size = KM_IN_A_MILE if profile.units == Units.MI else 1.0
    return plan.DISTANCES[profile.goal] / size > road.weeks[-1].limit


def lower(profile: Profile, road: Road) -> bool:
    """Whether the plan starts well under the average week that was told."""
    size = KM_IN_A_MILE if profile.units == Units.MI else 1.0
    first = road.weeks[0]
    return first.kind is Kind.SETTLE and first.total < 0.9 * (profile.weekly_km or 0) / size

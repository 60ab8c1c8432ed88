"""What a runner may tell about their running, and how it is read from a form.

Every answer is optional. An answer outside of what the plan knows is met kindly: the plan goes on from the nearer end
of its range, and says so. Only what cannot be read at all is refused.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from course.core.units import KG_IN_A_POUND, KM_IN_A_MILE, Units, plain


class Goal(StrEnum):
    FIRST_5K = "first_5k"
    TEN_K = "10k"
    HALF = "half"
    MARATHON = "marathon"
    FITTER = "fitter"


GOALS = {
    Goal.FIRST_5K: "A first 5K",
    Goal.TEN_K: "A 10K",
    Goal.HALF: "A half marathon",
    Goal.MARATHON: "A marathon",
    Goal.FITTER: "Just to get fitter",
}
FRESH = 30  # days; after that nobody's "longest run of the last 30 days" is true any more
HORIZON = 730  # days to a race


@dataclass(frozen=True, slots=True)
class Profile:
    """Distances in km, mass in kg; None and () stand for what was not told."""

    units: Units = Units.BOTH  # BOTH only where nothing else is known
    goal: Goal | None = None
    race_on: date | None = None
    weekly_km: float | None = None
    longest_km: float | None = None  # the longest run of the last 30 days
    running_days: tuple[int, ...] = ()  # 0 is Monday
    body_kg: float | None = None
    told_on: date | None = None

    @property
    def says_nothing(self) -> bool:
        """But for the units."""
        told = (self.goal, self.race_on, self.weekly_km, self.longest_km, self.body_kg)
        return not self.running_days and told == (None,) * len(told)


SAM = Profile(goal=Goal.HALF, weekly_km=24, longest_km=10, running_days=(1, 3, 6), body_kg=70)
"""The sample runner, who stands in for whoever told nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A number that a form asks for. `low` and `high` are what the plan knows, in km or kg."""

    name: str
    low: float
    high: float
    units: Mapping[str, float]  # how many km or kg each is
    below: str  # what is said for less, `{}` being the end of the range
    above: str


_DISTANCE = {"km": 1.0, "mi": KM_IN_A_MILE}
ANSWERS = (
    Answer("weekly", 3, 160, _DISTANCE,
           "Every start is a good one, and walking counts. The plan begins at {} a week; go by how it feels.",
           "That is a lot of running. The plan goes up to {} a week, so it starts there."),
    Answer("longest", 1, 60, _DISTANCE,
           "Every start is a good one, and walking counts. The plan begins with {}; stop when you like.",
           "That is a long way. The plan goes up to {} in one run, so it starts there."),
    Answer("body", 40, 130, {"kg": 1.0, "lb": KG_IN_A_POUND},
           "Our amounts begin at {}, so these are for that. A sports dietitian can work out your own.",
           "Our amounts go up to {}, so these are for that. A sports dietitian can work out your own."),
)  # fmt: skip
_SLIP = 10  # so many times above the range, a figure was mistyped
_NUMBER = re.compile(r"(\d{1,6}(?:[.,]\d{1,3})?) ?(km|mi|miles|kg|lb|lbs)?\.?")
_NAMES = {"miles": "mi", "lbs": "lb"}


@dataclass(slots=True)
class Told:
    """A form as it was read. `wrong` holds what cannot be kept, `replies` what is to be said about what can."""

    profile: Profile
    wrong: dict[str, str] = field(default_factory=dict)  # by field: units, goal, race, weekly, longest, days, body
    replies: dict[str, str] = field(default_factory=dict)


def read(fields: Mapping[str, str], days: Sequence[str], today: date) -> Told:
    """Reads `units`, `goal`, `race` (a date), `weekly`, `longest`, `body`, and the running `days` ("0" is Monday).
    Numbers are in the units that were chosen, unless they name their own. `today` is the reader's."""
    units = Units.MI if fields.get("units") == Units.MI else Units.KM
    told = Told(Profile(units=units, told_on=today))
    if fields.get("units") not in {Units.KM, Units.MI}:
        told.wrong["units"] = "Choose kilometers or miles."
    goal = fields.get("goal", "")
    if goal and goal not in set(Goal):
        told.wrong["goal"] = "Choose one of the goals, or leave it open."
    numbers = {answer.name: _number(told, answer, fields.get(answer.name, "")) for answer in ANSWERS}
    told.profile = replace(
        told.profile,
        goal=Goal(goal) if goal in set(Goal) else None,
        race_on=_race(told, fields.get("race", ""), today),
        running_days=_days(told, days),
        weekly_km=numbers["weekly"], longest_km=numbers["longest"], body_kg=numbers["body"],
    )  # fmt: skip
    weekly, longest = numbers["weekly"], numbers["longest"]
    if weekly and longest and longest > weekly:
        told.replies.setdefault("longest", "That is more than your usual week, so the plan starts lower and grows.")
    return told


def _number(told: Told, answer: Answer, text: str) -> float | None:
    if not text.strip():
        return None
    own = next(name for name, size in answer.units.items() if (size == 1) == (told.profile.units == Units.KM))
    found = _NUMBER.fullmatch(text.strip().lower())
    unit = _NAMES.get(found[2], found[2]) if found and found[2] else own
    if found is None or unit not in answer.units:
        told.wrong[answer.name] = f"Write a number of {own}, as 24 or 24.5, or leave it empty."
        return None
    value = float(found[1].replace(",", ".")) * answer.units[unit]
    if value > _SLIP * answer.high:
        told.wrong[answer.name] = f"That number looks like a slip. Write it in {own}, or leave it empty."
        return None
    if answer.low <= value <= answer.high:
        return value
    end = answer.low if value < answer.low else answer.high
    words = answer.below if value < answer.low else answer.above
    told.replies[answer.name] = words.format(f"{plain(end / answer.units[own], 1 if end < 10 else 0)} {own}")
    return end


def _race(told: Told, text: str, today: date) -> date | None:
    if not text.strip():
        return None
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        told.wrong["race"] = "Write the day as 2027-04-18, or leave it empty."
        return None
    if day < today:
        told.replies["race"] = "That day has passed, so the plan goes on without a race day."
        return None
    if day - today > timedelta(days=HORIZON):
        told.replies["race"] = "That is more than two years away, so the plan goes on without a race day for now."
        return None
    return day


def _days(told: Told, days: Sequence[str]) -> tuple[int, ...]:
    found = tuple(sorted({int(day) for day in days if day in {*"0123456"}}))
    if len(found) < len(set(days)):
        told.wrong["days"] = "Choose days of the week, or none."
    if len(found) == 7:
        told.replies["days"] = "A day off helps you take in the training, so the plan runs on six of them."
    return found


def fields_of(profile: Profile) -> dict[str, Any]:
    """The form's fields again, in the reader's units; `days` is a list."""
    per = {"weekly": profile.weekly_km, "longest": profile.longest_km, "body": profile.body_kg}
    found: dict[str, Any] = {"units": "" if profile.units == Units.BOTH else str(profile.units)}
    for answer in ANSWERS:
        size = next(size for size in answer.units.values() if (size == 1) == (profile.units != Units.MI))
        value = per[answer.name]
        found[answer.name] = "" if value is None else plain(value / size)
    found["goal"] = profile.goal or ""
    found["race"] = profile.race_on.isoformat() if profile.race_on else ""
    return found | {"days": [str(day) for day in profile.running_days]}

"""The blocks that a coach puts into a lesson with `{{ plan_table }}`: a runner's own numbers, or the sample runner's.

A block is a small table with words around it, made once and said twice: as text, and as HTML that carries its styles,
since it comes into a mail when the style sheet is already worked in. Nothing in it was typed by anybody: a profile is
numbers, days and choices.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache
from math import floor

from course.core import fueling, week
from course.core.letter import Block
from course.core.plan import Kind, Week
from course.core.profile import SAM, Profile
from course.core.roads import Road, beyond, lower, may_go_hard, road, running_days
from course.core.tables import Table, as_html, as_text
from course.core.units import KM_IN_A_MILE, UNITS, Units, plain, quantity
from course.core.week import Day, Run

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
BESIDE_SAM = (55.0, 85.0)  # kg: what the sample shows beside Sam's, to read one's own off
GRAMS = {
    "Carbs, easy day": fueling.CARBS_EASY_DAY,
    "Carbs, 1-hour day": fueling.CARBS_HOUR_DAY,
    "Carbs, long day": fueling.CARBS_LONG_DAY,
    "Carbs before": fueling.CARBS_BEFORE,
    "Protein, a day": fueling.PROTEIN_DAY,
    "Protein after": fueling.PROTEIN_AFTER,
}
MARKS = {Kind.LIGHTER: ", lighter", Kind.TAPER: ", taper", Kind.RACE: ", race week"}


@lru_cache(512)
def block(name: str, profile: Profile, today: date) -> Block:
    """The block of this name in both forms. What the profile does not tell is the sample runner's, and labelled so.
    `today` is the reader's day; the sample's blocks are the same on every day."""
    table = MAKERS[name](profile, today)
    return Block(as_text(table), as_html(table))


def own(profile: Profile, today: date) -> Callable[[str], Block]:
    """A runner's own blocks by name, each made when it is asked for."""
    return lambda name: block(name, profile, today)


def sample(units: Units) -> Callable[[str], Block]:
    """The sample runner's blocks by name, in these units."""
    return lambda name: block(name, Profile(units), date.min)


def _plan_table(profile: Profile, today: date) -> Table:
    found = road(profile, today)
    if not found.weeks:
        return Table("Your plan", notes=(found.why,))
    unit = "mi (km)" if profile.units == Units.BOTH else profile.units
    head = ("Week", f"Total, {unit}", f"Long run, {unit}", f"Limit, {unit}")
    rows = tuple(
        (
            _label(one, found.begins),
            _cell(one.total, profile, found),
            _cell(one.long, profile, found) if one.long else "Race",
            _cell(floor(one.limit * 10 + 1e-6) / 10, profile, found),
        )
        for one in found.weeks
    )
    return Table(_title(found), head, rows, tuple(_plan_notes(profile, found)))


def _title(found: Road) -> str:
    count = f"{COUNTS[len(found.weeks)]} week{'s' * (len(found.weeks) > 1)}"
    if not found.is_own:
        return "Sam's first eight weeks, as an example"
    return f"Your {count} to race day" if found.weeks[-1].kind is Kind.RACE else f"Your next {count}"


def _label(one: Week, begins: date | None) -> str:
    day = begins + timedelta(weeks=one.number - 1) if begins else None
    return f"{one.number}{f': {day:%b} {day.day}' if day else ''}{MARKS.get(one.kind, '')}"


def _cell(distance: float, profile: Profile, found: Road) -> str:
    if found.is_own or profile.units == Units.KM:
        return plain(distance)
    miles = f"{distance / KM_IN_A_MILE:.1f}"
    return miles if profile.units == Units.MI else f"{miles} ({plain(distance)})"


def _plan_notes(profile: Profile, found: Road) -> Iterator[str]:
    if found.why:
        yield found.why
    yield (
        "The limit for one run is about 10% over the longest of the 30 days before. That is a pattern seen in "
        "thousands of runners, not a promise for you. Repeat a week as often as you like."
    )
    if not found.is_own:
        return
    if lower(profile, found):
        yield "It starts below your average week, so that no run is much longer than your longest one."
    if found.weeks_to_race and found.weeks_to_race > len(found.weeks):
        yield f"Race week is week {found.weeks_to_race}. These are the first eight; tell us your new numbers then."
    if beyond(profile, found):
        yield (
            "Your race is longer than that limit. Walking breaks, a shorter race or a later one are good choices, and "
            "a coach or clinician can help you choose."
        )


def _week_layout(profile: Profile, today: date) -> Table:
    found = road(profile, today)
    if not found.weeks:
        return Table("Your week", notes=(found.why,))
    this = found.week(today)
    whose = "Your" if found.is_own else "Sam's"
    title = f"{whose} week {_label(this, found.begins).replace(':', ', from', 1)}"
    if this.kind is Kind.RACE:
        return Table(title, notes=("Two or three short and easy runs, and a day off before the race.",))
    rows = tuple(
        (DAYS[day.weekday], _what(day, profile, found)) for day in week.lay_out(this, found.days, hard=found.hard)
    )
    notes = [found.why] if found.why else []
    if found.is_own and not profile.running_days:
        notes.append("You have not told us your running days, so these are Sam's.")
    notes.append("Easy means that you can speak in full sentences. Move days around as your life asks for.")
    return Table(title, ("Day", "What"), rows, tuple(notes))


def _what(day: Day, profile: Profile, found: Road) -> str:
    if day.run is Run.OFF:
        return "Strength" if day.strength else "Off, or a walk"
    distance = plain(day.distance)
    if found.is_own:
        distance = f"{distance} {profile.units if profile.units != Units.BOTH else Units.KM}"
    else:
        distance = quantity(f"{distance} km", profile.units) or distance
    words = {Run.EASY: "Easy, {}", Run.LONG: "Long and easy, {}", Run.HARD: "Easy with a few short hard parts, {}"}
    then = "; strength at least 3 hours later" if day.run is Run.HARD else "; strength after it"
    return words[day.run].format(distance) + (then if day.strength else "")


def _strength_slots(profile: Profile, today: date) -> Table:
    days, own = running_days(profile), bool(profile.running_days)
    if not own:
        days = SAM.running_days
    hard = week.hard_day(days) if may_go_hard(profile) or not own else None
    rows = tuple((DAYS[day], _slot(day, days, hard)) for day in week.strength_days(days, hard))
    title = "Your two strength days" if own else "Sam's two strength days"
    why = () if own or profile.says_nothing else ("You have not told us your running days, so these go by Sam's.",)
    note = "Leave 48 hours between them, and keep the day before a long or hard run free. In race week, one is enough."
    return Table(title, ("Day", "When"), rows, (*why, note))


def _slot(day: int, running: tuple[int, ...], hard: int | None) -> str:
    if day == hard:
        return "At least 3 hours after the run with hard parts"
    return "After the easy run" if day in running else "No run that day"


def _fueling(profile: Profile, today: date) -> Table:
    own = profile.body_kg
    masses = (own,) if own else (BESIDE_SAM[0], SAM.body_kg or 0, BESIDE_SAM[1])
    said = [_quantity(f"{plain(mass, 0)} kg", profile.units) for mass in masses]
    head = ("Amount", f"You, {said[0]}") if own else ("Amount", said[0], f"Sam, {said[1]}", said[2])
    rows = (
        *((f"{name} (g)", *(str(amount.of(mass)) for mass in masses)) for name, amount in GRAMS.items()),
        *_in_units("Fluid before", "mL", map(fueling.FLUID_BEFORE.of, masses), profile.units),
        *_in_units("Most sweat loss", "kg", map(fueling.most_loss, masses), profile.units),
    )
    why = () if own or profile.says_nothing else ("We do not know your body weight, so these are Sam's and others'.",)
    words = (
        "Rest days count as easy. Before a run of over an hour: carbs 1-2 hours before, fluid about 4 hours before.",
        "Ranges, not rules. On a few runs a week, the low ends are enough. Skip the scale if numbers are not good for "
        "you, and use thirst and urine color.",
    )
    return Table("Your amounts" if own else "Sam's amounts, and two more", head, rows, (*why, *words))


def _in_units(name: str, unit: str, amounts: Iterable[object], units: Units) -> Iterator[tuple[str, ...]]:
    """A row in the reader's units, or one in each."""
    metric = [str(amount) for amount in amounts]
    twin = UNITS[unit].twin
    if units != Units.MI:
        yield f"{name} ({unit})", *metric
    if units != Units.KM:
        yield f"{name} ({twin})", *(_quantity(f"{one} {unit}", Units.MI).removesuffix(f" {twin}") for one in metric)


def _fuel_per_hour(profile: Profile, today: date) -> Table:
    rows = tuple(
        (time, amount if isinstance(amount, str) else f"{amount} g{', if practiced' if amount.high > 60 else ''}")
        for time, amount in fueling.STRETCHES
    )
    fluid = _quantity(f"{fueling.FLUID_PER_HOUR} mL", profile.units)
    note = f"Let thirst guide you; {fluid} of fluid an hour is a common plan. Drink less if you gain weight on a run."
    return Table("On the run", ("Run time", "Carbs per hour"), rows, (note,))


def _quantity(written: str, units: Units) -> str:
    return quantity(written, units) or written


MAKERS: dict[str, Callable[[Profile, date], Table]] = {
    "plan_table": _plan_table,
    "week_layout": _week_layout,
    "strength_slots": _strength_slots,
    "fueling": _fueling,
    "fuel_per_hour": _fuel_per_hour,
}

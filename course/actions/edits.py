"""The changes that coaches make to a timetable, as facts: what is said, of which lesson, and whom it is for.

A change is data. Previewing it, publishing it and undoing it are in `publishing`; what facts mean to a reader is in
core/sequence.py. The days between mails belong to the places in the course, not to the lessons: whoever moves a lesson
keeps the rhythm.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from course.core.errors import CourseError
from course.core.sequence import Term, Timetable

DRAFT = 0  # stands for the version that the draft becomes when it is published
MAX_GAP = 365  # days


class Kind(StrEnum):
    TEXT = "text"
    INSERT = "insert"
    MOVE = "move"
    ARCHIVE = "archive"
    GAP = "gap"
    HOURS = "hours"


class Choice(StrEnum):
    """Whom a change is for."""

    EVERYBODY = "everybody"  # all who have not had it yet
    AHEAD = "ahead"  # of a new lesson: those who are not past its place
    ALL = "all"  # … those too, at their next slot; but not who finished
    FINISHERS = "finishers"  # … and who finished
    NEW = "new"  # who signs up from now on


CHOICES: dict[Kind, tuple[Choice, ...]] = {  # the first is what most coaches mean
    Kind.TEXT: (Choice.EVERYBODY, Choice.NEW),
    Kind.INSERT: (Choice.AHEAD, Choice.ALL, Choice.FINISHERS, Choice.NEW),
    Kind.MOVE: (Choice.EVERYBODY, Choice.NEW),
    Kind.ARCHIVE: (Choice.EVERYBODY, Choice.NEW),
    Kind.GAP: (Choice.EVERYBODY, Choice.NEW),
    Kind.HOURS: (Choice.EVERYBODY, Choice.NEW),
}


@dataclass(frozen=True, slots=True)
class Change:
    """`facts` are (lesson, name, value) as in core/sequence.Term. `draft` is the version of the draft whose text comes
    with it; None where no text changes. `fresh`: the lesson was in no timetable before."""

    kind: Kind
    lesson: int | None
    facts: tuple[tuple[int | None, str, Any], ...]
    draft: int | None = None
    fresh: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Change":
        facts = tuple((lesson, name, value) for lesson, name, value in stored["facts"])
        return cls(Kind(stored["kind"]), stored["lesson"], facts, stored["draft"], stored["fresh"])

    def terms(self, choice: Choice, now: datetime, revision: int = DRAFT) -> list[Term]:
        """The facts for those whom they are for; `revision` takes the place of the draft."""
        since = now if choice is Choice.NEW else None
        terms = [
            Term(lesson, name, revision if name == "revision" and value == DRAFT else value, since)
            for lesson, name, value in self.facts
        ]
        if self.fresh and since:  # nobody else ever gets it, whatever is said of it later
            terms.insert(0, Term(self.lesson, "archived", True, None))
        return terms


def text(lesson: int, draft: int) -> Change:
    """New words for a lesson of the course."""
    return Change(Kind.TEXT, lesson, ((lesson, "revision", DRAFT),), draft)


def insert(
    present: Timetable, lesson: int, place: int, gap: int, *, draft: int | None, revision: int | None, fresh: bool
) -> Change:
    """A lesson comes into the course as number `place`, `gap` days from the one before; as the first it goes at once,
    and the second waits those days. With `draft` its text, without its newest `revision`."""
    order, place = _order(present), _checked_place(place, len(present.steps) + 1)
    order.insert(place - 1, lesson)
    gaps = _gaps(present)
    gaps.insert(place - 1 if place > 1 else min(1, len(gaps)), _checked_gap(gap, first=not gaps))
    facts = [*_places(present, order, gaps), (lesson, "archived", False)]
    facts.append((lesson, "revision", DRAFT if draft is not None else revision))
    return Change(Kind.INSERT, lesson, tuple(facts), draft, fresh)


def move(present: Timetable, lesson: int, place: int) -> Change:
    """A lesson becomes number `place`."""
    order, place = _order(present), _checked_place(place, len(present.steps))
    order.remove(lesson)
    order.insert(place - 1, lesson)
    return Change(Kind.MOVE, lesson, tuple(_places(present, order, _gaps(present))))


def archive(present: Timetable, lesson: int) -> Change:
    """A lesson leaves the course; who waits for it goes on to the next one."""
    order, gaps = _order(present), _gaps(present)
    if len(order) == 1:
        raise CourseError("This is the only lesson of the course. Add another one first, or close the sign-up.")
    at = order.index(lesson)
    del order[at], gaps[at if at else 1]  # a new first lesson goes as early as the old one did
    return Change(Kind.ARCHIVE, lesson, ((lesson, "archived", True), *_places(present, order, gaps)))


def gap(present: Timetable, lesson: int, days: int) -> Change:
    """Other days between the lesson before and this one."""
    days = _checked_gap(days, first=present.number(lesson) == 1)
    return Change(Kind.GAP, lesson, ((lesson, "gap", days),))


def hours(hour: str, weekdays: Sequence[int]) -> Change:
    """Another send hour ("07:00") or other weekdays (0 is Monday) for the whole course."""
    return Change(Kind.HOURS, None, ((None, "hour", hour), (None, "weekdays", sorted(set(weekdays)))))


def _checked_gap(days: int, *, first: bool) -> int:
    least = 0 if first else 1  # two lessons never go at once
    if not least <= days <= MAX_GAP:
        raise CourseError(f"The days between two lessons are a number from {least} to {MAX_GAP}.")
    return days


def _checked_place(place: int, last: int) -> int:
    if not 1 <= place <= last:
        raise CourseError(f"The place in the course is a number from 1 to {last}.")
    return place


def _order(present: Timetable) -> list[int]:
    return [step.lesson for step in present.steps]


def _gaps(present: Timetable) -> list[int]:
    return [step.gap for step in present.steps]


def _places(present: Timetable, order: Sequence[int], gaps: Sequence[int]) -> list[tuple[int, str, Any]]:
    """Ranks and gaps of an order. Every rank is said: old facts, of a lesson that was here once, may be any number."""
    before = {step.lesson: step.gap for step in present.steps}
    ranks: list[tuple[int, str, Any]] = [(lesson, "rank", rank) for rank, lesson in enumerate(order, 1)]
    changed = [(lesson, "gap", days) for lesson, days in zip(order, gaps, strict=True) if before.get(lesson) != days]
    return ranks + changed

"""Whom a change touches: every reader of the course in one of a few groups, and what changes for them and when.

It is found by the functions of the mark, once with the facts as they are and once with the new ones. So what is shown
before publishing is what happens after it, as long as readers, providers and caps do nothing meanwhile.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import SimpleNamespace
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from course.actions.edits import Change, Choice, Kind
from course.actions.planning import Plan, Planner
from course.core.sequence import Terms
from course.core.status import Enrolled
from course.store import courses, edits
from course.store.models import Course

GONE = (Enrolled.LEFT, Enrolled.STOPPED)
NOBODY: tuple[bool, frozenset[int]] = (False, frozenset())


class Group(StrEnum):
    """Where a reader stands to the change; each is in exactly one."""

    HAD = "had"  # the mail went: nothing changes
    NEXT = "next"  # their next mail
    LATER = "later"  # a mail after that
    PAST = "past"  # they are past it, and go without
    STAY = "stay"  # the change is for new readers: theirs is the course as it was
    OUT = "out"  # left, or the address refuses mail


class Line(NamedTuple):
    """One reader whom the change touches. Instants are course time; None where no lesson, or no date, is to come."""

    enrollment: int
    group: Group
    lesson_before: int | None
    due_before: datetime | None
    lesson_after: int | None
    due_after: datetime | None
    arrives_at: datetime | None  # when the lesson that the change speaks of arrives

    @property
    def moves(self) -> bool:
        return (self.lesson_before, self.due_before) != (self.lesson_after, self.due_after)


@dataclass(slots=True)
class Survey:
    """`lines` is empty where only the groups were asked for."""

    groups: Counter[str] = field(default_factory=Counter)
    lines: list[Line] = field(default_factory=list)
    excluded: list[int] = field(default_factory=list)  # enrollments that are not to get a new lesson
    withdrawn: list[int] = field(default_factory=list)  # enrollments whose copy of an archived lesson waits to be sent

    @property
    def total(self) -> int:
        return self.groups.total()


def survey(
    session: Session, course: Course, change: Change, choice: Choice, now: datetime, *, lock: bool, dates: bool
) -> Survey:
    """Looks at every reader of the course. `now` is course time. `dates`: with the lines; without them a million
    readers are counted in seconds."""
    look = _look(session, course, change, choice, now)
    return look.at_all(edits.readers(session, course.id, lock=lock), dates=dates)


def members(
    session: Session, course: Course, change: Change, choice: Choice, now: datetime, group: Group
) -> Iterator[tuple[Any, Line | None]]:
    """The readers of one group with their line, by id. A reader has the columns of `enrollments.take_due`."""
    look = _look(session, course, change, choice, now)
    for reader in edits.readers(session, course.id, lock=False):
        found, line, *_ = look.at(reader, dates=True)
        if found == group:
            yield reader, line


def _look(session: Session, course: Course, change: Change, choice: Choice, now: datetime) -> "_Look":
    terms = courses.terms_of(session, course.id)
    return _Look(
        change=change,
        choice=choice,
        now=now,
        before=Planner(course, terms),
        after=Planner(course, Terms([*terms.all, *change.terms(choice, now)])),
        excluded=edits.excluded(session, course.id),
        excluded_after=None,
        waiting=edits.waiting(session, course.id),
        revives=change.kind is Kind.INSERT and choice is Choice.FINISHERS,
    )


def survey_undo(session: Session, course: Course, edit_id: int, now: datetime) -> Survey:
    """What it means for everybody if the facts of this edit had never been."""
    look = _Look(
        change=Change(Kind.HOURS, None, ()),
        choice=Choice.EVERYBODY,
        now=now,
        before=Planner(course, courses.terms_of(session, course.id)),
        after=Planner(course, courses.terms_of(session, course.id, but=edit_id)),
        excluded=edits.excluded(session, course.id),
        excluded_after=edits.excluded(session, course.id, but=edit_id),
        waiting=edits.waiting(session, course.id),
        revives=True,
    )
    return look.at_all(edits.readers(session, course.id, lock=True), dates=True)


@dataclass(frozen=True, slots=True)
class _Look:
    change: Change
    choice: Choice
    now: datetime
    before: Planner
    after: Planner
    excluded: dict[int, set[int]]
    excluded_after: dict[int, set[int]] | None  # None: as before, but for a new lesson
    waiting: dict[int, tuple[bool, set[int]]]
    revives: bool  # who finished goes on, where there is something to come

    def at_all(self, readers: Iterable[Any], *, dates: bool) -> Survey:
        found = Survey()
        for reader in readers:
            group, line, excluded, withdrawn = self.at(reader, dates=dates)
            found.groups[group] += 1
            if excluded:
                found.excluded.append(reader.id)
            if withdrawn:
                found.withdrawn.append(reader.id)
            if line and (line.moves or withdrawn or group in {Group.NEXT, Group.LATER}):
                found.lines.append(line)
        return found

    def at(self, reader: Any, *, dates: bool) -> tuple[Group, Line | None, bool, bool]:
        """The group, what changes, whether the new lesson is not for this reader, and whether a copy is taken back."""
        lesson, out = self.change.lesson, self.excluded.get(reader.id, set())
        held, queued = self.waiting.get(reader.id, NOBODY)
        new_out = out if self.excluded_after is None else self.excluded_after.get(reader.id, set())
        excluded = self.change.kind is Kind.INSERT and self._is_past(reader, out)
        if excluded and lesson:
            new_out = out | {lesson}
        withdrawn = lesson in queued and not self._has(self.after, reader, lesson)
        if withdrawn:
            reader = _without(reader, lesson)
            held = bool(queued - {lesson})
        group = self._group(reader, new_out, queued)
        line = None
        if dates and reader.status not in GONE:
            line = self._line(reader, group, out, new_out, held=held, withdrawn=withdrawn)
        return group, line, excluded, withdrawn

    def _is_past(self, reader: Any, out: Collection[int]) -> bool:
        """Whether a lesson that comes into the course is not for this reader, by the coach's choice."""
        at_end = reader.status == Enrolled.FINISHED or self._next(self.before, reader, out) is None
        if self.choice is Choice.AHEAD:
            steps = [step.lesson for step in self.after.timetable(reader).steps]
            after = steps[steps.index(self.change.lesson) + 1 :] if self.change.lesson in steps else []
            return at_end or not set(after).isdisjoint(reader.had)
        return self.choice is Choice.ALL and at_end

    def _group(self, reader: Any, out: Collection[int], queued: Collection[int]) -> Group:
        lesson = self.change.lesson
        if reader.status in GONE:
            return Group.OUT
        if self.choice is Choice.NEW:
            return Group.STAY
        if lesson is None:
            return Group.PAST if self._done(reader, out) else Group.NEXT
        if lesson in queued:
            return Group.NEXT
        if lesson in reader.had:
            return Group.HAD
        planner = self.before if self.change.kind is Kind.ARCHIVE else self.after
        step = None if self._done(reader, out) else self._next(planner, reader, out)
        if step is None:
            return Group.PAST
        if step.lesson == lesson:
            return Group.NEXT
        return Group.LATER if lesson not in out and self._has(planner, reader, lesson) else Group.PAST

    def _done(self, reader: Any, out: Collection[int]) -> bool:
        """Whether the course is over for this reader, and stays so."""
        return reader.status == Enrolled.FINISHED and not self._begins_again(reader, out)

    def _begins_again(self, reader: Any, out: Collection[int]) -> bool:
        return self.revives and self._next(self.after, reader, out) is not None

    def _line(
        self, reader: Any, group: Group, out: set[int], new_out: set[int], *, held: bool, withdrawn: bool
    ) -> Line:
        was, old = None, None
        if reader.status == Enrolled.ACTIVE and not withdrawn:
            was, old = self.before.next(reader, reader.timezone, out), reader.due_at
        plan = None if self._done(reader, new_out) else self.after.next(reader, reader.timezone, new_out)
        new = None
        if plan and was and (was.step.lesson, was.due_at) == (plan.step.lesson, plan.due_at):
            new = old
        elif plan and not held and (was is None or old):  # else it is planned when the mail before is settled
            new = self._goes_at(reader, plan)
        return Line(
            enrollment=reader.id,
            group=group,
            lesson_before=self.change.lesson if withdrawn else was.step.lesson if was else None,
            due_before=old if was else None,
            lesson_after=plan.step.lesson if plan else None,
            due_after=new,
            arrives_at=self._arrives(reader, new_out, new) if new and group in {Group.NEXT, Group.LATER} else None,
        )

    def _goes_at(self, reader: Any, plan: Plan) -> datetime:
        """What a change would have made go earlier today, or last week, goes at the reader's next slot."""
        if plan.due_at > self.now or reader.asked_at:
            return plan.due_at
        return self.after.opening(reader, reader.timezone, self.now)

    def _arrives(self, reader: Any, out: Collection[int], first_at: datetime) -> datetime | None:
        """When the lesson that the change speaks of goes, all before it going on time."""
        if self.change.lesson is None or self.change.kind is Kind.ARCHIVE:
            return None
        rest = self.after.rest(reader, reader.timezone, out, first_at=first_at)
        return next((plan.due_at for plan in rest if plan.step.lesson == self.change.lesson), None)

    def _next(self, planner: Planner, reader: Any, out: Collection[int]) -> Any:
        return planner.timetable(reader).next_step(reader.had, out)

    def _has(self, planner: Planner, reader: Any, lesson: int | None) -> bool:
        return any(step.lesson == lesson for step in planner.timetable(reader).steps)


def _without(reader: Any, lesson: int | None) -> Any:
    """A reader whose copy of a lesson is taken back before it went."""
    return SimpleNamespace(**{**reader._asdict(), "had": [one for one in reader.had if one != lesson]})

"""What a reader gets next, and when. The mark, the confirmation page and the reader's page all ask here."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from typing import Protocol

from sqlalchemy.orm import Session

from course.core import schedule
from course.core.schedule import Pace, Window
from course.core.sequence import Step, Terms, Timetable
from course.core.status import Enrolled
from course.store import courses, enrollments
from course.store.models import Course

AT_ONCE = timedelta(hours=4)  # a lesson that was asked for goes at any hour, unless an outage made it this late


class Reader(Protocol):
    """An enrollment, or a row of `enrollments.take_due`."""

    pace: str
    hour: str | None
    weekdays: list[int] | None
    paused_until: datetime | None
    enrolled_at: datetime
    anchor_at: datetime
    asked_at: datetime | None
    had: list[int]


@dataclass(frozen=True, slots=True)
class Plan:
    """One lesson to come."""

    step: Step
    due_at: datetime  # course time


class Planner:
    """Reads a course's timetable once and plans for any number of its readers."""

    def __init__(self, course: Course, terms: Terms) -> None:
        self.course = course
        self._terms = terms

    def timetable(self, reader: Reader) -> Timetable:
        return self._terms.at(reader.enrolled_at)

    def window(self, reader: Reader, timezone: str) -> Window:
        """When mail may go to this reader. `timezone` is the subscriber's, "" for the course's."""
        timetable = self.timetable(reader)
        weekdays = timetable.weekdays if reader.weekdays is None else tuple(reader.weekdays)
        return _window(
            reader.hour or timetable.hour, self.course.send_until, weekdays, timezone or self.course.timezone
        )

    def next(self, reader: Reader, timezone: str, excluded: Collection[int] = ()) -> Plan | None:
        """The next lesson and its instant; None when the reader had them all."""
        step = self.timetable(reader).next_step(reader.had, excluded)
        return step and Plan(step, self._due(reader, timezone, step))

    def after(
        self, reader: Reader, timezone: str, lesson: int, at: datetime, excluded: Collection[int] = ()
    ) -> Plan | None:
        """What follows when this lesson goes at that instant."""
        state = _Moving(reader)
        state.went(lesson, at)
        return self.next(state, timezone, excluded)

    def rest(
        self, reader: Reader, timezone: str, excluded: Collection[int] = (), *, first_at: datetime | None = None
    ) -> Iterator[Plan]:
        """All lessons to come, each after the one before went on time; the first of them perhaps at another instant."""
        state = _Moving(reader)
        while plan := self.next(state, timezone, excluded):
            plan, first_at = Plan(plan.step, first_at or plan.due_at), None
            yield plan
            state.went(plan.step.lesson, plan.due_at)

    def coming(self, reader: Reader, timezone: str, excluded: Collection[int], now: datetime) -> list[Plan]:
        """The same as they will really go: a lesson whose time went by, as while the reader was away, goes when mail
        may go next."""
        plan = self.next(reader, timezone, excluded)
        late = plan is not None and plan.due_at < now and reader.asked_at is None
        return list(
            self.rest(reader, timezone, excluded, first_at=self.opening(reader, timezone, now) if late else None)
        )

    def may_leave(
        self, reader: Reader, timezone: str, asked_at: datetime | None, now: datetime, *, checks_window: bool
    ) -> bool:
        """Whether a lesson that is due may go at this very instant."""
        if reader.paused_until and reader.paused_until > now:
            return False
        if not checks_window or (asked_at is not None and now - asked_at < AT_ONCE):
            return True
        return schedule.is_open(self.window(reader, timezone), now)

    def opening(self, reader: Reader, timezone: str, now: datetime) -> datetime:
        """When a lesson that may not leave now may leave."""
        return schedule.opening(self.window(reader, timezone), max(now, reader.paused_until or now))

    def _due(self, reader: Reader, timezone: str, step: Step) -> datetime:
        return schedule.due(
            reader.anchor_at,
            step.gap,
            Pace(reader.pace),
            self.window(reader, timezone),
            asked=reader.asked_at,
            paused_until=reader.paused_until,
        )


class _Moving:
    """A copy of a reader's state that `rest` may move on."""

    def __init__(self, reader: Reader) -> None:
        self.pace, self.hour, self.weekdays = reader.pace, reader.hour, reader.weekdays
        self.paused_until, self.enrolled_at = reader.paused_until, reader.enrolled_at
        self.anchor_at, self.asked_at, self.had = reader.anchor_at, reader.asked_at, list(reader.had)

    def went(self, lesson: int, at: datetime) -> None:
        self.anchor_at, self.asked_at, self.had = at, None, [*self.had, lesson]


class Planners:
    """A planner for each course, made when first needed within one transaction."""

    def __init__(self, session: Session) -> None:
        self._courses = {course.id: course for course in courses.all_courses(session)}
        self._session = session
        self._planners: dict[int, Planner] = {}

    def __getitem__(self, course_id: int) -> Planner:
        if course_id not in self._planners:
            terms = courses.terms_of(self._session, course_id)
            self._planners[course_id] = Planner(self._courses[course_id], terms)
        return self._planners[course_id]


@cache
def _window(opens: str, closes: str, weekdays: tuple[int, ...], zone: str) -> Window:
    return Window(time.fromisoformat(opens), time.fromisoformat(closes), frozenset(weekdays), zone)


PAGE = 1000  # enrollments at once


def replan(session: Session, course: Course) -> None:
    """After the timetable changed: the next lesson of every active reader, planned anew. Readers whose lesson is on its
    way or unknown are planned when that is settled."""
    planner, last = Planner(course, courses.terms_of(session, course.id)), 0
    while readers := enrollments.planned(session, course.id, after=last, limit=PAGE):
        excluded = enrollments.exclusions(session, (reader.id for reader in readers))
        plans = []
        for reader in readers:
            plan = planner.next(reader, reader.timezone, excluded.get(reader.id, ()))
            status = Enrolled.ACTIVE if plan else Enrolled.FINISHED
            plans.append({"key": reader.id, "due_at": plan and plan.due_at, "status": status})
        enrollments.save_plans(session, plans)
        last = readers[-1].id

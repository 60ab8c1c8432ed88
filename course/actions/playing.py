"""Play the course: what one runner gets, and when, without waiting for it.

A virtual clock walks from lesson to lesson through the functions of the mark (actions/planning.py), and what the runner
does on the way happens at its instant. Nothing is stored and nothing is sent. A mail goes the very moment it is due;
the engine needs a second or two more.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from course.actions.planning import Planner
from course.core.schedule import Pace
from course.core.status import Enrolled
from course.store import courses, enrollments
from course.store.models import Course, Enrollment

MOST = 500  # lessons of one course that are played
NEVER = datetime.min.replace(tzinfo=UTC)


class Break(NamedTuple):
    """At `at` the runner pauses until `until`; both course time."""

    at: datetime
    until: datetime


@dataclass(slots=True)
class Runner:
    """A reader as the planner wants one, who is in no database."""

    enrolled_at: datetime
    timezone: str = ""  # "" for the course's
    pace: str = Pace.NORMAL
    hour: str | None = None  # None for the course's
    weekdays: list[int] | None = None
    paused_until: datetime | None = None
    asked_at: datetime | None = None
    had: list[int] = field(default_factory=list)
    anchor_at: datetime = NEVER  # stands for the sign-up, until a lesson went

    def __post_init__(self) -> None:
        if self.anchor_at == NEVER:
            self.anchor_at = self.enrolled_at


@dataclass(frozen=True, slots=True)
class Played:
    """One lesson of the play: number `number` of `count`, in the version that goes today."""

    number: int
    count: int
    lesson: int
    revision: int
    at: datetime


def play(
    planner: Planner,
    runner: Runner,
    breaks: Sequence[Break] = (),
    excluded: Collection[int] = (),
    *,
    since: datetime | None = None,
) -> Iterator[Played]:
    """Every lesson to come, in order, from `since` on (None: the sign-up). `runner` is moved on."""
    timetable, clock, waiting = planner.timetable(runner), since or runner.anchor_at, sorted(breaks)
    for _ in range(MOST):
        while plan := planner.next(runner, runner.timezone, excluded):
            at = max(plan.due_at, clock)
            if waiting and waiting[0].at <= at:
                _pause(runner, waiting.pop(0))
            elif planner.may_leave(runner, runner.timezone, runner.asked_at, at, checks_window=True):
                break
            else:
                clock, runner.asked_at = planner.opening(runner, runner.timezone, at), None
        if plan is None:
            return
        lesson = plan.step.lesson
        yield Played(timetable.number(lesson), len(timetable.steps), lesson, plan.step.revision, at)
        runner.had, runner.anchor_at, runner.asked_at, clock = [*runner.had, lesson], at, None, at


def _pause(runner: Runner, pause: Break) -> None:
    """As controls.pause does it."""
    runner.paused_until, runner.asked_at = pause.until, None


def newcomer(planner: Planner, runner: Runner) -> Runner:
    """The runner confirms at the sign-up moment: lesson 1 is asked for at once if it has no gap, as signup.enroll has
    it."""
    first = planner.timetable(runner).next_step(())
    runner.asked_at = runner.enrolled_at if first and first.gap == 0 else None
    return runner


def play_newcomer(session: Session, course: Course, runner: Runner, breaks: Sequence[Break] = ()) -> list[Played]:
    """The whole course of somebody who confirms at `runner.enrolled_at`."""
    planner = Planner(course, courses.terms_of(session, course.id))
    return list(play(planner, newcomer(planner, runner), breaks))


def play_reader(
    session: Session, course: Course, reader: Enrollment, timezone: str, now: datetime, breaks: Sequence[Break] = ()
) -> list[Played]:
    """What is still to come for a real reader, from `now` (course time) on; [] for who is not in the course."""
    if reader.status != Enrolled.ACTIVE:
        return []
    runner = Runner(
        enrolled_at=reader.enrolled_at,
        timezone=timezone,
        pace=reader.pace,
        hour=reader.hour,
        weekdays=reader.weekdays,
        paused_until=reader.paused_until,
        asked_at=reader.asked_at,
        had=list(reader.had),
        anchor_at=reader.anchor_at,
    )
    planner = Planner(course, courses.terms_of(session, course.id))
    excluded = enrollments.exclusions(session, [reader.id])[reader.id]
    return list(play(planner, runner, breaks, excluded, since=now))

"""Today, at one glance: whether all is well, what needs a coach, what goes out in the next week and what happened in
the last one."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from course.actions.planning import Plan, Planner
from course.core import lesson_file
from course.core.clock import Now
from course.core.sequence import Terms
from course.store import courses, today_week
from course.store.today_week import Happened, Wave

DAYS = 7
EXACT = 50_000  # readers; of more, only each one's next lesson is counted


@dataclass(frozen=True, slots=True)
class Mails:
    """So many mails of one lesson on one day. `number` 0: of lessons of which only the sum is known."""

    course: str
    number: int
    title: str
    lesson: int
    count: int


@dataclass(frozen=True, slots=True)
class Day:
    date: date
    mails: list[Mails]

    @property
    def count(self) -> int:
        return sum(one.count for one in self.mails)


@dataclass(frozen=True, slots=True)
class Week:
    """The next seven days, today first. Not `exact`: a second lesson within the week is not counted."""

    days: list[Day]
    exact: bool


def coming(session: Session, now: datetime, zone: str, *, exact: int = EXACT) -> Week:
    """What goes out if nobody does anything, on the calendar of this zone. `now` is course time. Courses that are
    paused send nothing."""
    today = now.astimezone(ZoneInfo(zone)).date()
    until = _midnight(today + timedelta(days=DAYS), zone)
    found: dict[date, list[Mails]] = defaultdict(list)
    all_exact = True
    for course in courses.all_courses(session):
        if course.paused_at:
            continue
        is_exact = today_week.count_planned(session, course.id, until, exact + 1) <= exact
        terms, count = courses.terms_of(session, course.id), _by_lesson if is_exact else _by_day
        counts = count(session, Planner(course, terms), terms, now, until, ZoneInfo(zone))
        titles = {lesson: named(session, terms, lesson, now) for lesson in {lesson for _, lesson in counts}}
        for (day, lesson), mails in counts.items():
            found[day].append(Mails(course.title, *titles[lesson], lesson, mails))
        all_exact = all_exact and is_exact
    days = (today + timedelta(days=n) for n in range(DAYS))
    return Week([Day(day, sorted(found[day], key=lambda one: (one.course, one.number))) for day in days], all_exact)


def lately(session: Session, now: Now) -> tuple[Happened, Happened]:
    """The last seven days, and the seven before them."""
    mine = [course.id for course in courses.all_courses(session)]
    week = timedelta(days=7)
    this, last = ((now.machine - n * week, now.machine - (n - 1) * week) for n in (1, 2))
    return today_week.happened(session, mine, *this), today_week.happened(session, mine, *last)


def _by_lesson(
    session: Session, planner: Planner, terms: Terms, now: datetime, until: datetime, zone: ZoneInfo
) -> dict[tuple[date, int], int]:
    """How many mails by day and lesson id: each reader's next lesson, and those after it within the week."""
    found = defaultdict[tuple[date, int], int](int)
    for wave in today_week.waves(session, planner.course.id, terms.starts, until):
        for plan in takewhile(lambda plan: plan.due_at < until, _rest(planner, wave, now)):
            found[plan.due_at.astimezone(zone).date(), plan.step.lesson] += wave.readers
    return found


def _by_day(
    session: Session, planner: Planner, terms: Terms, now: datetime, until: datetime, zone: ZoneInfo
) -> dict[tuple[date, int], int]:
    found = defaultdict[tuple[date, int], int](int)
    for due, readers in today_week.next_lessons(session, planner.course.id, until):
        found[max(due, now).astimezone(zone).date(), 0] += readers
    return found


@dataclass(slots=True)
class _OneOfThem:
    """A reader of a wave, as the planner wants one."""

    pace: str
    hour: str | None
    weekdays: list[int] | None
    enrolled_at: datetime
    anchor_at: datetime
    had: list[int]
    paused_until: datetime | None = None
    asked_at: datetime | None = None


def _rest(planner: Planner, wave: Wave, now: datetime) -> Iterator[Plan]:
    reader = _OneOfThem(wave.pace, wave.hour, wave.weekdays, wave.enrolled_at, wave.due_at, wave.had)
    return planner.rest(reader, wave.timezone, wave.excluded, first_at=max(wave.due_at, now))


def named(session: Session, terms: Terms, lesson: int, now: datetime) -> tuple[int, str]:
    """The place of a lesson for who signs up now, and its title; of no lesson: 0 and ""."""
    if not lesson:
        return 0, ""
    timetable = terms.at(now)
    step = next((step for step in timetable.steps if step.lesson == lesson), None)
    revision = courses.revision(session, step.revision) if step else courses.newest_revision(session, lesson)
    return timetable.number(lesson), lesson_file.parse(revision.source).title


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, datetime.min.time(), ZoneInfo(zone))

"""Readers from and to files: people who confirmed elsewhere come in, everybody of a course goes out."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy.orm import Session

from course.actions import signup
from course.actions.planning import Planner
from course.core import address, readers_csv
from course.core.clock import Now
from course.core.errors import CourseError
from course.core.readers_csv import Row
from course.core.schedule import Pace
from course.core.status import Enrolled
from course.store import courses, enrollments, readers_list, subscribers
from course.store.models import Course, Enrollment

CHUNK = 100  # lines in one transaction: sign-ups go on between two
HEADER = ("email", "name", "timezone", "status", "source", "enrolled_at", "lessons", "due_at")


class Result(StrEnum):
    ADDED = "added"
    KNOWN = "known"
    ASKED = "asked"
    LEFT = "left"
    SUPPRESSED = "suppressed"
    INVALID = "invalid"


MEANING = {
    Result.ADDED: "enrolled",
    Result.KNOWN: "already in this course, unchanged",
    Result.ASKED: "asked to confirm before, not asked again",
    Result.LEFT: "left this course before, not brought back",
    Result.SUPPRESSED: "bounced, complained or were erased before, not mailed",
    Result.INVALID: "not usable, see the lines above",
}


class Line(NamedTuple):
    """What became of one line of the file."""

    number: int
    result: Result
    detail: str = ""


def the_course(session: Session, slug: str | None) -> Course:
    """The course of this slug, or the first one."""
    found = courses.by_slug(session, slug) if slug else next(iter(courses.all_courses(session)), None)
    if found is None:
        raise CourseError(f"There is no course {slug!r}." if slug else "There is no course yet: course lessons import")
    return found


@dataclass(frozen=True, slots=True)
class _Sorted:
    """The usable lines of a chunk by address key, those that cannot be used, and what is known of the rest."""

    lines: list[Line]
    wanted: list[tuple[str, Row, signup.Request]]
    suppressed: set[str]

    @property
    def fresh(self) -> dict[str, tuple[Row, signup.Request]]:
        return {key: (row, request) for key, row, request in self.wanted if key not in self.suppressed}

    def report(self, statuses: dict[str, str], asked: Collection[str] = ()) -> list[Line]:
        """A line for each row, in order; `statuses`: of those who are or were in the course, by address key."""
        lines, seen = list(self.lines), dict(statuses)
        for key, row, _ in self.wanted:
            if key in self.suppressed:
                lines.append(Line(row.number, Result.SUPPRESSED))
            elif key in asked and key not in seen:
                lines.append(Line(row.number, Result.ASKED))
            else:
                lines.append(Line(row.number, _result(seen.get(key))))
                seen.setdefault(key, Enrolled.ACTIVE)
        return sorted(lines)


def look(session: Session, course: Course, rows: Sequence[Row]) -> tuple[list[Line], list[Line]]:
    """What importing one chunk would do, with asking each and without; changes nothing."""
    chunk = _sorted(session, checked(rows))
    people = {row.email_key: row.id for row in subscribers.by_keys(session, list(chunk.fresh))}
    statuses, asked = _known(session, course, people, ask=True)
    return chunk.report(statuses, asked), chunk.report(statuses)


def import_rows(
    session: Session, course: Course, rows: Sequence[Row], note: str, now: Now, *, ask: bool = False
) -> list[Line]:
    """Enrolls one chunk of a file, or with `ask` mails each the button that does it; one line of report for each row.
    Doing it again changes nothing."""
    return import_checked(session, course, checked(rows), note, now, ask=ask)


def import_checked(
    session: Session, course: Course, rows: "Checked", note: str, now: Now, *, ask: bool = False
) -> list[Line]:
    """The same for rows that were checked before, so that the transaction is a short one."""
    chunk = _sorted(session, rows)
    people = _people(session, chunk.fresh, now.machine, confirmed=not ask)
    ids = {key: person for key, (person, _) in people.items()}
    statuses, asked = _known(session, course, ids, ask=ask)
    new = {key: one for key, one in people.items() if key not in statuses and key not in asked}
    if ask:
        for key, (person, _) in new.items():
            signup.queue_confirmation(session, person, key, course, now.machine)
    else:
        _enroll(session, course, new, now.course)
    _note(session, course, [person for person, _ in new.values()], note, now.machine)
    return chunk.report(statuses, asked)


def _sorted(session: Session, rows: "Checked") -> _Sorted:
    lines, by_key = rows
    return _Sorted(lines, by_key, subscribers.suppressed(session, [key for key, _, _ in by_key]))


def _known(session: Session, course: Course, people: dict[str, int], *, ask: bool) -> tuple[dict[str, str], set[str]]:
    """The status of those who are or were in the course, and, if that matters, who was asked to confirm before."""
    found = enrollments.statuses(session, course.id, list(people.values()))
    statuses = {key: found[person] for key, person in people.items() if person in found}
    before = readers_list.asked(session, course.id, list(people.values())) if ask else set()
    return statuses, {key for key, person in people.items() if person in before}


Checked = tuple[list[Line], list[tuple[str, Row, signup.Request]]]


def checked(rows: Sequence[Row]) -> Checked:
    """The lines that cannot be used, and the others by address key; asks no database."""
    lines, wanted = [], []
    for row in rows:
        try:
            request = signup.checked(row.email, row.name, row.timezone)
            wanted.append((address.key(request.email), row, request))
        except signup.Invalid as invalid:
            problems = "; ".join(f"{field}: {problem}" for field, problem in invalid.errors.items())
            lines.append(Line(row.number, Result.INVALID, problems))
    return lines, wanted


def _people(
    session: Session, fresh: dict[str, tuple[Row, signup.Request]], now: datetime, *, confirmed: bool
) -> dict[str, tuple[int, str]]:
    """Subscriber id and time zone by address key; those who were not there are added. All stay locked, in one order:
    a sign-up or another import of the same people comes before or after."""
    rows = [
        {
            "email": request.email,
            "email_key": key,
            "name": request.name,
            "timezone": request.timezone,
            "created_at": now,
        }
        for key, (_, request) in sorted(fresh.items())
    ]
    subscribers.add_missing(session, rows)
    found = subscribers.by_keys(session, list(fresh), lock=True)
    if confirmed:
        subscribers.note_confirmed(session, [row.id for row in found if row.confirmed_at is None], now)
    return {row.email_key: (row.id, row.timezone) for row in found}


def _enroll(session: Session, course: Course, people: dict[str, tuple[int, str]], course_now: datetime) -> None:
    """New enrollments, the first lesson at each one's next send hour."""
    planner = Planner(course, courses.terms_of(session, course.id))
    due = {zone: _first_due(planner, course, zone, course_now) for zone in {zone for _, zone in people.values()}}
    memories = subscribers.remembered(session, list(people))
    rows = [
        _enrollment(course, person, course_now) | {"due_at": due[zone], "copy": 1 + memories[key].copies}
        for key, (person, zone) in people.items()
    ]
    enrollments.add_missing(session, rows)


def _enrollment(course: Course, person: int, course_now: datetime) -> dict[str, Any]:
    return {
        "subscriber_id": person,
        "course_id": course.id,
        "status": Enrolled.ACTIVE,
        "pace": Pace.NORMAL,
        "source": "import",
        "enrolled_at": course_now,
        "anchor_at": course_now,
        "had": [],
        "copy": 1,
        "links": 0,
        "reason": "",
    }


def _first_due(planner: Planner, course: Course, zone: str, course_now: datetime) -> datetime | None:
    plan = planner.next(Enrollment(**_enrollment(course, 0, course_now)), zone)
    return plan.due_at if plan else None


def _note(session: Session, course: Course, people: Sequence[int], note: str, now: datetime) -> None:
    origin = signup.Origin(source="import")
    rows = [signup.consent("import", person, course.id, origin, now, note=note) for person in people]
    subscribers.add_consents(session, rows)


def _result(status: str | None) -> Result:
    if status is None:
        return Result.ADDED
    return Result.LEFT if status in {Enrolled.LEFT, Enrolled.STOPPED} else Result.KNOWN


def export(session: Session, course: Course) -> Iterator[str]:
    """Everybody of a course, a CSV line at a time, safe to open in a spreadsheet."""
    yield from readers_csv.write([HEADER])
    for row in enrollments.everybody(session, course.id):
        cells = (
            row.email,
            row.name,
            row.timezone,
            row.status,
            row.source,
            row.enrolled_at.isoformat(timespec="seconds"),
            str(len(row.had)),
            row.due_at.isoformat(timespec="seconds") if row.due_at else "",
        )
        yield from readers_csv.write([cells])

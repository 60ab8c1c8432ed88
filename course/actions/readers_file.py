"""Readers from and to files: people who confirmed elsewhere come in, everybody of a course goes out."""

from collections.abc import Iterator, Sequence
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
from course.store import courses, enrollments, subscribers
from course.store.models import Course, Enrollment

CHUNK = 500  # lines in one transaction: sign-ups go on between two
HEADER = ("email", "name", "timezone", "status", "source", "enrolled_at", "lessons", "due_at")


class Result(StrEnum):
    ADDED = "added"
    KNOWN = "known"
    LEFT = "left"
    SUPPRESSED = "suppressed"
    INVALID = "invalid"


MEANING = {
    Result.ADDED: "enrolled",
    Result.KNOWN: "already in this course, unchanged",
    Result.LEFT: "left this course before, not brought back",
    Result.SUPPRESSED: "bounced or complained before, not mailed",
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


def import_rows(session: Session, course: Course, rows: Sequence[Row], note: str, now: Now) -> list[Line]:
    """Enrolls one chunk of a file; one line of report for each row. Doing it again changes nothing."""
    lines, wanted = _checked(rows)
    keys = [address.key(request.email) for _, request in wanted]
    suppressed = subscribers.suppressed(session, keys)
    fresh = {key: one for key, one in zip(keys, wanted, strict=True) if key not in suppressed}
    people = _people(session, fresh, now.machine)
    before = enrollments.statuses(session, course.id, [person for person, _ in people.values()])
    added = _enroll(session, course, {k: p for k, p in people.items() if p[0] not in before}, now.course)
    _note(session, course, added, note, now.machine)
    enrolled = set()
    for key, (row, _) in zip(keys, wanted, strict=True):
        if key in suppressed:
            lines.append(Line(row.number, Result.SUPPRESSED))
            continue
        person = people[key][0]
        status = before.get(person) or (Enrolled.ACTIVE if person in enrolled else None)
        lines.append(Line(row.number, _result(status)))
        enrolled.add(person)
    return sorted(lines)


def _checked(rows: Sequence[Row]) -> tuple[list[Line], list[tuple[Row, signup.Request]]]:
    lines, wanted = [], []
    for row in rows:
        try:
            wanted.append((row, signup.checked(row.email, row.name, row.timezone)))
        except signup.Invalid as invalid:
            problems = "; ".join(f"{field}: {problem}" for field, problem in invalid.errors.items())
            lines.append(Line(row.number, Result.INVALID, problems))
    return lines, wanted


def _people(
    session: Session, fresh: dict[str, tuple[Row, signup.Request]], now: datetime
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
    subscribers.note_confirmed(session, [row.id for row in found if row.confirmed_at is None], now)
    return {row.email_key: (row.id, row.timezone) for row in found}


def _enroll(session: Session, course: Course, people: dict[str, tuple[int, str]], course_now: datetime) -> list[int]:
    """New enrollments, the first lesson at each one's next send hour; the subscriber ids."""
    planner = Planner(course, courses.terms_of(session, course.id))
    due = {zone: _first_due(planner, course, zone, course_now) for zone in {zone for _, zone in people.values()}}
    rows = [_enrollment(course, person, course_now) | {"due_at": due[zone]} for person, zone in people.values()]
    enrollments.add_missing(session, rows)
    return [row["subscriber_id"] for row in rows]


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

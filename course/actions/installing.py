"""The installation: who this database is, and which calendar it lives by."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from course.core.calendar import Calendar
from course.core.errors import CourseError
from course.store import installation
from course.store.models import Installation

ALIVE = timedelta(seconds=5)  # a fast calendar that was noted within this time is running in another process


def install(session: Session, now: datetime, new_key: Callable[[], bytes]) -> Installation:
    """The one row, made at first use."""
    return installation.get(session, lock=True) or installation.create(session, new_key(), now)


def check_secret(row: Installation, marks: Sequence[str], *, is_new: bool) -> None:
    """`marks` of the secrets that are believed here; the first one signs from now on. Raises CourseError if the links
    of this database are signed with another one, unless it is said to be new."""
    if row.secret_mark and row.secret_mark not in marks and not is_new:
        raise CourseError(
            "The links of this database are signed with another secret key. Set COURSE_SECRET_KEY as the other "
            "machines have it, or put the file `secret` back into COURSE_HOME. If the old key is lost, `course vouch "
            "--new-secret` goes on with this one: then no link works that was mailed until now."
        )
    if row.secret_mark != marks[0]:
        row.secret_mark = marks[0]


def set_calendar(row: Installation, *, speed: int, reaches_people: bool, now: datetime) -> None:
    """Starts the calendar at this speed, from where it stands. Raises CourseError where that could mislead people."""
    before = _calendar(row)
    if speed > 1 and reaches_people:
        raise CourseError(
            "--speed is only for a course that can reach nobody: the outbox, or a provider URL on this machine. "
            "Leave --speed away, or set COURSE_PROVIDER=outbox."
        )
    if speed > 1 and row.reached_people_at:
        raise CourseError(
            f"--speed is refused: this database has mailed real people since {row.reached_people_at:%Y-%m-%d}. "
            "Use another COURSE_HOME or COURSE_DATABASE_URL for a demonstration."
        )
    if reaches_people and before.now(now) - now > ALIVE:
        raise CourseError(
            "This database's calendar once ran fast (--speed), so its dates are not real ones. "
            "Use another COURSE_HOME or COURSE_DATABASE_URL to reach people."
        )
    if reaches_people:
        row.reached_people_at = row.reached_people_at or now
    if not _running(row, now):
        _write(row, Calendar(speed, now, before.resumed(now).course_at if before.speed > 1 else before.now(now)))


def calendar(session: Session, now: datetime) -> Calendar:
    """The calendar as it is now; a fast one whose processes are all gone stands still."""
    row = installation.the(session)
    found = _calendar(row)
    return found if found.speed == 1 or _running(row, now) else found.resumed(now)


def note_calendar(session: Session, now: datetime) -> None:
    """Keeps the position of a fast calendar, so that a restart goes on from there."""
    row = installation.get(session, lock=True)
    if row and row.speed > 1:
        _write(row, calendar(session, now).moved_to(now))


def stop_calendar(session: Session, now: datetime) -> None:
    """A process that kept the calendar ends: it stands still from here, unless another one notes it again."""
    row = installation.get(session, lock=True)
    if row and row.speed > 1 and _running(row, now):
        _write(row, _calendar(row).moved_to(now))
        row.real_at = now - ALIVE


def _running(row: Installation, now: datetime) -> bool:
    return row.speed > 1 and now - row.real_at < ALIVE


def _calendar(row: Installation) -> Calendar:
    return Calendar(row.speed, row.real_at, row.course_at)


def _write(row: Installation, found: Calendar) -> None:
    row.speed, row.real_at, row.course_at = found.speed, found.real_at, found.course_at

"""Why a reader gets what they get, or nothing: one sentence for the top of their page."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from course.actions.planning import Planner
from course.core.status import Enrolled, Sent
from course.store import calls, courses, enrollments, readers_page, subscribers
from course.store.models import Course, Delivery, Enrollment, Subscriber
from course.web import words

STATES = {"active": "In the course", "finished": "Finished", "left": "Left", "stopped": "Stopped", "paused": "Paused"}


class Why(NamedTuple):
    """`fine`: nothing is wrong, and nobody has to do anything."""

    text: str
    fine: bool


def place(zone: str) -> str:
    """ "New York" of "America/New_York"."""
    return zone.rpartition("/")[2].replace("_", " ")


def at(instant: datetime, zone: str) -> str:
    """ "Thursday, November 26, 7:00 am (New York time)"."""
    return f"{words.when(instant, zone)} ({place(zone)} time)"


def state(found: Enrollment, now: datetime) -> str:
    """`now` is course time."""
    paused = found.status == Enrolled.ACTIVE and found.paused_until and found.paused_until > now
    return "paused" if paused else str(found.status)


def why(session: Session, found: Enrollment, person: Subscriber, course: Course, now: datetime) -> Why:
    """`now` is course time."""
    zone = person.timezone or course.timezone
    mails = readers_page.mails(session, found)
    return (
        _ended(session, found, person, zone)
        or _unsettled(session, mails)
        or _waits(session, found, course, zone, now)
        or _next(session, found, person, course, zone, now)
    )


def _ended(session: Session, found: Enrollment, person: Subscriber, zone: str) -> Why | None:
    if row := subscribers.suppression(session, person.email_key):
        said = f" The mail service said: {row.detail}" if row.detail else ""
        what = "They marked a mail of ours as spam" if row.reason == "complaint" else "Mail to this address came back"
        return Why(f"{what} on {words.when(row.created_at, zone)}, so nothing is sent.{said}", fine=False)
    ended = f" on {words.when(found.ended_at, zone)}" if found.ended_at else ""
    if found.status == Enrolled.LEFT:
        return Why(f"They left the course{ended}, so nothing is sent.", fine=True)
    if found.status == Enrolled.STOPPED:
        reason = f" The reason: {found.reason}" if found.reason else ""
        return Why(f"The course was stopped for them{ended}, so nothing is sent.{reason}", fine=True)
    return None


def _unsettled(session: Session, mails: Sequence[Delivery]) -> Why | None:
    """The newest copy of each lesson says how it stands."""
    newest = {row.lesson_id: row for row in mails if row.lesson_id is not None}
    for row in reversed(list(newest.values())):
        what, reason = f"Lesson {row.number}", f" The mail service said: {row.reason}" if row.reason else ""
        if row.state == Sent.UNKNOWN:
            then = "" if row.resigned_at else " The course is finding out, and the next lesson waits for that."
            return Why(f"Nobody knows yet whether {what.lower()} arrived.{reason}{then}", fine=False)
        if row.state == Sent.SENDING:
            return Why(f"{what} is on its way at this very moment.", fine=True)
        if row.state == Sent.QUEUED:
            trouble = _trouble(session)
            return Why(trouble or f"{what} waits to be sent, and goes as soon as it may.{reason}", fine=not trouble)
        if row.state == Sent.REFUSED and row.scope == "message":
            return Why(f"{what} was refused, because of its text.{reason} Mend it, then send it again.", fine=False)
    return None


def _trouble(session: Session) -> str:
    lane = next((lane for lane in calls.lanes(session) if lane.failures), None)
    return f"Mail is stopped for everybody. The mail service said: {lane.reason}" if lane else ""


def _waits(session: Session, found: Enrollment, course: Course, zone: str, now: datetime) -> Why | None:
    if found.status == Enrolled.FINISHED:
        return Why("They had every lesson that was for them.", fine=True)
    if course.paused_at:
        since = words.when(course.paused_at, zone)
        return Why(f"The whole course has been paused since {since}: no lesson goes to anybody.", fine=False)
    if found.due_at and found.due_at <= now and (trouble := _trouble(session)):
        return Why(trouble, fine=False)
    return None


def _next(session: Session, found: Enrollment, person: Subscriber, course: Course, zone: str, now: datetime) -> Why:
    planner = Planner(course, courses.terms_of(session, course.id))
    excluded = enrollments.exclusions(session, [found.id])[found.id]
    plan = planner.next(found, person.timezone, excluded)
    if plan is None:
        return Why("No lesson is left for them.", fine=True)
    number = planner.timetable(found).number(plan.step.lesson)
    revision = courses.revision(session, plan.step.revision)
    if revision.held_at:
        return Why(f"Lesson {number} is held back for everybody: {revision.held_reason}", fine=False)
    due = found.due_at or plan.due_at
    if not planner.may_leave(found, person.timezone, found.asked_at, max(due, now), checks_window=True):
        due = planner.opening(found, person.timezone, max(due, now))
    pause = ""
    if found.paused_until and found.paused_until > now:
        pause = f"Paused until {words.when(found.paused_until, zone)}. "
    if due <= now:
        return Why(f"{pause}Lesson {number} is due and goes in a moment.", fine=True)
    return Why(f"{pause}Lesson {number} goes {at(due, zone)}.", fine=True)

"""Sign up, confirm, enroll, leave, come back."""

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from course.actions.planning import Planner
from course.core import address, schedule
from course.core.errors import BadAddress, CourseError
from course.core.schedule import Pace
from course.core.status import Enrolled, Sent, Suppressed
from course.store import courses, deliveries, enrollments, subscribers
from course.store.models import Course, Enrollment, Subscriber
from course.store.subscribers import Remembered

WORDING = "2026-11"  # version of what the form and the pages say; raise it when their promise changes
CONFIRMATIONS_A_DAY = 3  # to one address, whatever happens: a form must not be a way to bomb somebody
BOUNCE_RETRY = timedelta(days=30)  # then a hard bounce may sign up again
MAX_NAME, MAX_SOURCE = 80, 200


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from: part of the proof of consent."""

    source: str = ""  # the page or blog post
    ip: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A sign-up whose fields are in order; see `checked`."""

    email: str
    name: str
    timezone: str  # "" for the course's
    source: str


class Invalid(CourseError):
    """Fields that cannot be used: a message for each, by field name."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors


class Confirmed(StrEnum):
    """What a confirmation link leads to."""

    READY = "ready"  # pressing the button starts the course, or goes on with it
    ALREADY = "already"
    FINISHED = "finished"
    STOPPED = "stopped"  # we may not mail this address
    EXPIRED = "expired"
    UNKNOWN = "unknown"


def checked(email: object, name: object = "", timezone: object = "", source: object = "") -> Request:
    """The fields of a sign-up as we keep them. Raises Invalid with every field that is wrong."""
    errors: dict[str, str] = {}
    fields = {"email": email, "name": name, "timezone": timezone, "source": source}
    texts = {field: value if isinstance(value, str) else "" for field, value in fields.items()}
    for field, value in fields.items():
        if value is not None and not isinstance(value, str):
            errors[field] = "This has to be text"
        elif not _printable(texts[field]):
            errors[field] = "There are characters in here that cannot be used"
    texts["name"] = " ".join(unicodedata.normalize("NFC", texts["name"]).split())
    kept, problem = _address(texts["email"].strip())
    problems = [("email", problem)] if problem else []
    for field, problem in [*problems, *_problems(texts)]:
        errors.setdefault(field, problem)
    if errors:
        raise Invalid(errors)
    return Request(kept, texts["name"], texts["timezone"], texts["source"])


def _address(typed: str) -> tuple[str, str]:
    """The address as we keep it, or "" and what is wrong with it."""
    if not typed:
        return "", "Please write your email address"
    if len(typed) > 2 * address.MAX_LENGTH:  # long before the rules are tried on it
        return "", f"An address has at most {address.MAX_LENGTH} characters"
    try:
        return address.checked(typed), ""
    except BadAddress as error:
        return "", str(error)


def _problems(texts: dict[str, str]) -> list[tuple[str, str]]:
    problems = []
    if len(texts["name"]) > MAX_NAME:
        problems.append(("name", f"A first name has at most {MAX_NAME} letters here"))
    elif "://" in texts["name"] or "www." in texts["name"].lower():
        problems.append(("name", "A first name, please, not a link"))
    if texts["timezone"] and not schedule.known_zone(texts["timezone"]):
        problems.append(("timezone", "We do not know this time zone; please choose one from the list"))
    if len(texts["source"]) > MAX_SOURCE:
        problems.append(("source", f"The source has at most {MAX_SOURCE} characters"))
    return problems


def _printable(text: str) -> bool:
    """No control characters, no lone surrogates, nothing that turns the writing direction."""
    return all(unicodedata.category(c) not in {"Cc", "Cs", "Zl", "Zp"} and c not in _BIDI for c in text)


_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def sign_up(session: Session, course: Course, request: Request, origin: Origin, now: datetime) -> None:
    """Queues a confirmation mail, which goes if this address may get one. The caller answers the same in every case."""
    email_key = address.key(request.email)
    person = subscribers.find_or_add(session, request.email, email_key, request.name, request.timezone, now)
    note_consent(session, "signup", person, course.id, origin, now)
    queue_confirmation(session, person, email_key, course, now)


def queue_confirmation(session: Session, person: int, email_key: str, course: Course, now: datetime) -> None:
    """Whether the address may be mailed is asked where the mail is marked, and only there."""
    since, remembered = now - timedelta(days=1), subscribers.hashed(session, email_key)
    deliveries.queue_service(
        session, "confirm", person, course.id, now, since=since, at_most=CONFIRMATIONS_A_DAY, remembered=remembered
    )


def may_confirm(memory: Remembered, now: datetime) -> bool:
    """Whether a confirmation may be mailed: never after a complaint, a month after a bounce."""
    return not memory.reason or (memory.reason == Suppressed.BOUNCE and memory.since <= now - BOUNCE_RETRY)


def look(session: Session, person: Subscriber | None, course: Course | None, now: datetime) -> Confirmed:
    """What confirming would do now; changes nothing."""
    if person is None or course is None:
        return Confirmed.UNKNOWN
    found = enrollments.of(session, person.id, course.id)
    if found and found.status == Enrolled.ACTIVE:
        return Confirmed.ALREADY
    if found and found.status == Enrolled.FINISHED:
        return Confirmed.FINISHED
    memory = subscribers.remembered(session, [person.email_key])[person.email_key]
    return Confirmed.READY if may_confirm(memory, now) else Confirmed.STOPPED


def confirm(
    session: Session, person: Subscriber, course: Course, origin: Origin, *, now: datetime, course_now: datetime
) -> Enrollment:
    """Enrolls, or takes somebody back where they were. Only after `look` said READY, in the same transaction."""
    subscribers.lift(session, person.email_key)  # an old bounce: the mail arrived after all
    note_consent(session, "confirm", person.id, course.id, origin, now)
    person.confirmed_at = person.confirmed_at or now
    found = enrollments.of(session, person.id, course.id, lock=True)
    if found is None:
        source = subscribers.last_signup_source(session, person.id, course.id)
        return enroll(session, person, course, source=source, course_now=course_now, at_once=True)
    resume(session, found, person, course, now)
    return found


def enroll(
    session: Session, person: Subscriber, course: Course, *, source: str, course_now: datetime, at_once: bool
) -> Enrollment:
    """A new enrollment with its first lesson planned: at once if that has no gap, else at its opening."""
    row = Enrollment(
        subscriber_id=person.id,
        course_id=course.id,
        status=Enrolled.ACTIVE,
        pace=Pace.NORMAL,
        source=source,
        enrolled_at=course_now,
        anchor_at=course_now,
        had=[],
        copy=1 + subscribers.remembered(session, [person.email_key])[person.email_key].copies,
        links=0,
        reason="",
    )
    planner = Planner(course, courses.terms_of(session, course.id))
    first = planner.timetable(row).next_step(())
    if at_once and first and first.gap == 0:
        row.asked_at = course_now
    _plan(row, person, planner)
    session.add(row)
    session.flush()
    return row


def leave(session: Session, found: Enrollment, origin: Origin, *, now: datetime) -> None:
    """Ends the enrollment; leaving twice is leaving once. Who was stopped stays so, and cannot come back by leaving."""
    if found.status == Enrolled.LEFT:
        return
    if found.status != Enrolled.STOPPED:
        found.status, found.due_at, found.ended_at = Enrolled.LEFT, None, now
    note_consent(session, "leave", found.subscriber_id, found.course_id, origin, now)


def come_back(session: Session, found: Enrollment, origin: Origin, *, now: datetime) -> bool:
    """Undoes `leave`; False for somebody who may not be mailed, or was stopped."""
    person, course = subscribers.by_id(session, found.subscriber_id), session.get_one(Course, found.course_id)
    if person is None or found.status == Enrolled.STOPPED or subscribers.suppression(session, person.email_key):
        return False
    if found.status == Enrolled.LEFT:
        note_consent(session, "return", found.subscriber_id, found.course_id, origin, now)
        resume(session, found, person, course, now)
    return True


def resume(session: Session, found: Enrollment, person: Subscriber, course: Course, now: datetime) -> None:
    """Goes on where the reader was: the lessons they had are not sent again, one that they left before goes now."""
    planner = Planner(course, courses.terms_of(session, course.id))
    lessons = {step.lesson for step in planner.timetable(found).steps}
    for row in deliveries.dropped(session, found.id, found.copy):
        if row.lesson_id in lessons:
            deliveries.queue_copy(session, row, now)
    found.status, found.ended_at, found.reason = Enrolled.ACTIVE, None, ""
    _plan(found, person, planner, enrollments.exclusions(session, [found.id])[found.id])
    if deliveries.unsettled(session, found.id, but=Sent.SENDING):  # what is on its way may go on as planned
        found.due_at = None


def _plan(row: Enrollment, person: Subscriber, planner: Planner, excluded: Collection[int] = ()) -> None:
    plan = planner.next(row, person.timezone, excluded)
    row.due_at = plan.due_at if plan else None
    if plan is None:
        row.status = Enrolled.FINISHED


def note_consent(session: Session, kind: str, person: int, course: int, origin: Origin, now: datetime) -> None:
    subscribers.add_consents(session, [consent(kind, person, course, origin, now)])


def consent(kind: str, person: int, course: int, origin: Origin, now: datetime, note: str = "") -> dict[str, Any]:
    """A row of proof."""
    return {
        "kind": kind,
        "subscriber_id": person,
        "course_id": course,
        "created_at": now,
        "source": origin.source,
        "wording": WORDING,
        "ip": origin.ip,
        "user_agent": origin.user_agent[:300],
        "note": note,
    }

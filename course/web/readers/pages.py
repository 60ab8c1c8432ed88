"""The reader's own page, and a lesson in the browser. Both only read."""

from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template
from sqlalchemy.orm import Session

from course.actions.planning import Planner
from course.core import lesson_file
from course.core.lesson_file import LessonText
from course.core.status import Enrolled, Sent
from course.core.tokens import Purpose
from course.store import courses, deliveries, enrollments, subscribers
from course.store.models import Course, Delivery, Enrollment, Subscriber
from course.web import doors, words
from course.web.doors import open_door
from course.web.services import services

NOW = "on its way now"


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/readers/<token>", view_func=reader_page)
    bp.add_url_rule("/lessons/<token>", view_func=lesson_in_browser)


@open_door
def reader_page(token: str) -> str:
    """Where I am, what I had, what comes when."""
    with services().database.read() as session:
        found = enrollment_of(session, Purpose.READER, token) or abort(404)
        person, course = person_and_course(session, found)
        lessons = timeline(session, found, person, course)
        steps = courses.terms_of(session, course.id).at(found.enrolled_at).steps
        return render_template(
            "readers/reader.html",
            course=course,
            name=person.name,
            status=found.status,
            lessons=lessons,
            done=sum(lesson["state"] == "sent" for lesson in lessons),
            count=max(len(lessons), len(steps)),  # who left sees what there was to come
            zone=person.timezone or course.timezone,
            leave_url=services().letters.links.leave(found.id, found.links),
        )


@open_door
def lesson_in_browser(token: str) -> Response:
    """The lesson as it was sent, without the reader's own links."""
    letters = services().letters
    with services().database.read() as session:
        numbers = letters.links.tokens.read(Purpose.READ, token, 1) or abort(404)
        found = deliveries.by_id(session, numbers[0])
        if found is None or found.revision_id is None or found.state in {Sent.QUEUED, Sent.CANCELLED}:
            abort(404)
        person = subscribers.by_id(session, found.subscriber_id) or abort(404)
        course = courses.by_id(session, found.course_id) or abort(404)
        letter = letters.lesson(course, courses.revision(session, found.revision_id).source, "web")
        values = letters.web_values(course, person.name, found.number or 1, found.count or 1)
    response = make_response(letter.html.join(values))
    response.headers["Content-Security-Policy"] = doors.MAIL_CSP + "'none'"
    return response


def enrollment_of(session: Session, purpose: Purpose, token: str, *, lock: bool = False) -> Enrollment | None:
    """The enrollment that a link stands for; None for a forged or revoked one."""
    numbers = services().letters.links.tokens.read(purpose, token, 2)
    found = enrollments.by_id(session, numbers[0], lock=lock) if numbers else None
    return found if found and numbers and found.links == numbers[1] else None


def person_and_course(session: Session, found: Enrollment) -> tuple[Subscriber, Course]:
    person = subscribers.by_id(session, found.subscriber_id) or abort(404)
    course = courses.by_id(session, found.course_id) or abort(404)
    return person, course


def timeline(session: Session, found: Enrollment, person: Subscriber, course: Course) -> list[dict[str, Any]]:
    """Every lesson of a reader in order: what went, what is next, what comes later; times in the reader's zone."""
    zone, active = person.timezone or course.timezone, found.status == Enrolled.ACTIVE
    promised = [row for row in _promised(session, found) if active or row.state != Sent.QUEUED]
    planner = Planner(course, courses.terms_of(session, course.id))
    excluded = enrollments.exclusions(session, [found.id])[found.id]
    plans = list(planner.rest(found, person.timezone, excluded)) if active else []
    ids = [*(row.revision_id for row in promised if row.revision_id), *(plan.step.revision for plan in plans)]
    texts = {key: lesson_file.parse(row.source) for key, row in courses.revisions(session, ids).items()}
    lines = [_promised_line(row, texts[row.revision_id], zone) for row in promised if row.revision_id]
    for plan in plans:
        is_next = all(line["state"] == "sent" for line in lines)
        now = is_next and found.asked_at is not None
        when = NOW if now else words.when(plan.due_at, zone)
        lines.append(_line(texts[plan.step.revision], state="next" if is_next else "later", when=when, now=now))
    return [line | {"number": number} for number, line in enumerate(lines, 1)]


def _promised(session: Session, found: Enrollment) -> list[Delivery]:
    """The newest copy of each lesson that went, may have gone, or waits for the provider; in order."""
    rows = deliveries.of_subscriber(session, found.subscriber_id)[::-1]
    newest = {row.lesson_id: row for row in rows if row.enrollment_id == found.id and row.lesson_id is not None}
    return [row for row in newest.values() if row.state not in {Sent.REFUSED, Sent.CANCELLED}]


def _promised_line(row: Delivery, text: LessonText, zone: str) -> dict[str, Any]:
    if row.state == Sent.QUEUED:
        return _line(text, state="next", when=NOW, now=True)
    url = services().letters.links.lesson(row.id)
    return _line(text, state="sent", when=words.when(row.created_at, zone), action=text.action, url=url)


def _line(
    text: LessonText, *, state: str, when: str, action: str = "", url: str = "", now: bool = False
) -> dict[str, Any]:
    return {"title": text.title, "action": action, "state": state, "when": when, "url": url, "now": now}

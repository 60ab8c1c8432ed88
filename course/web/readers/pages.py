"""The reader's own page, and a lesson in the browser. Both only read."""

from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template
from sqlalchemy.orm import Session

from course.actions.planning import Planner
from course.core import lesson_file
from course.core.status import Enrolled, Sent
from course.core.tokens import Purpose
from course.store import courses, deliveries, enrollments, subscribers
from course.store.models import Course, Enrollment, Subscriber
from course.web import doors, words
from course.web.doors import open_door
from course.web.services import services


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
        return render_template(
            "readers/reader.html",
            course=course,
            name=person.name,
            status=found.status,
            lessons=lessons,
            done=sum(lesson["state"] == "sent" for lesson in lessons),
            count=len(lessons),
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
    zone, links = person.timezone or course.timezone, services().letters.links
    sent = deliveries.lessons_sent(session, found.id)
    planner = Planner(course, courses.terms_of(session, course.id))
    excluded = enrollments.exclusions(session, [found.id])[found.id]
    plans = list(planner.rest(found, person.timezone, excluded)) if found.status == Enrolled.ACTIVE else []
    revisions = courses.revisions(
        session, [*(row.revision_id for row in sent if row.revision_id), *(plan.step.revision for plan in plans)]
    )
    texts = {key: lesson_file.parse(row.source) for key, row in revisions.items()}
    lines = [
        {
            "title": texts[row.revision_id].title,
            "action": texts[row.revision_id].action,
            "state": "sent",
            "when": words.when(row.created_at, zone),
            "url": links.lesson(row.id),
        }
        for row in sent
        if row.revision_id
    ]
    for plan in plans:
        at_once = found.asked_at is not None and plan is plans[0]
        lines.append(
            {
                "title": texts[plan.step.revision].title,
                "action": "",
                "state": "later" if plan is not plans[0] else "next",
                "when": "on its way now" if at_once else words.when(plan.due_at, zone),
                "url": "",
            }
        )
    return [line | {"number": number} for number, line in enumerate(lines, 1)]

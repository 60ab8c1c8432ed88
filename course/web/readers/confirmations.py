"""The confirmation link. GET shows a button and changes nothing (mail scanners follow links); POST is the step."""

from datetime import datetime, time
from typing import Any

from flask import Blueprint, Response, make_response, render_template
from sqlalchemy.orm import Session

from course.actions import readers_own, signup
from course.actions.signup import Confirmed
from course.core.tokens import Purpose, epoch
from course.store import courses, enrollments, subscribers
from course.store.models import Course, Enrollment, Subscriber
from course.web import origins, words
from course.web.doors import open_door
from course.web.readers.pages_timeline import timeline
from course.web.services import services


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/confirmations/<token>", view_func=show_confirmation)
    bp.add_url_rule("/confirmations/<token>", view_func=confirm, methods=["POST"])


@open_door
def show_confirmation(token: str) -> Response:
    with services().database.read() as session:
        state, person, course = _look(session, token)
        return _page(session, state, person, course)


@open_door
def confirm(token: str) -> Response:
    now = services().now()
    with services().database.write() as session:
        state, person, course = _look(session, token, lock=True)
        if state is not Confirmed.READY or person is None or course is None:
            return _page(session, state, person, course)
        origin = origins.of_request()
        enrollment = signup.confirm(session, person, course, origin, now=now.machine, course_now=now.course)
        return make_response(_confirmed(session, enrollment, person, course, now.course))


def _look(session: Session, token: str, *, lock: bool = False) -> tuple[Confirmed, Subscriber | None, Course | None]:
    now = services().machine()
    numbers = services().letters.links.tokens.read(Purpose.CONFIRM, token, 3)
    if numbers is None:
        return Confirmed.UNKNOWN, None, None
    subscriber_id, course_id, expires = numbers
    person, course = subscribers.by_id(session, subscriber_id, lock=lock), courses.by_id(session, course_id)
    state = signup.look(session, person, course, now)
    if state is Confirmed.READY and epoch(now) > expires:
        state = Confirmed.EXPIRED
    return state, person, course


def _page(session: Session, state: Confirmed, person: Subscriber | None, course: Course | None) -> Response:
    found = enrollments.of(session, person.id, course.id) if person and course else None
    place = _place(session, found, course) if found and course else {"number": None, "count": None}
    page = render_template("readers/confirm.html", state=state.value, course=course, **place)
    return make_response(page, 404 if state is Confirmed.UNKNOWN else 200)


def _place(session: Session, found: Enrollment, course: Course) -> dict[str, Any]:
    """The lesson that a reader is on: the last one had."""
    steps = courses.terms_of(session, course.id).at(found.enrolled_at).steps
    return {"number": max(1, len(found.had)), "count": max(len(steps), len(found.had))}


def _confirmed(session: Session, found: Enrollment, person: Subscriber, course: Course, now: datetime) -> str:
    plan = timeline(session, found, person, course, now)
    terms = courses.terms_of(session, course.id).at(found.enrolled_at)
    return render_template(
        "readers/confirmed.html",
        course=course,
        plan=plan,
        next=next((line for line in plan if line["state"] == "next"), None),
        reader_url=services().letters.links.reader(found.id, found.links),
        numbers_url=readers_own.private_link(services().letters, found, services().machine()) + "/numbers",
        zone=person.timezone or course.timezone,
        hour=words.hour(time.fromisoformat(terms.hour)),
        weekdays=words.weekdays(terms.weekdays),
    )

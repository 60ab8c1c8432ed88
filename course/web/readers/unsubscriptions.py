"""The way out: RFC 8058 one-click, a page with a button, and undo.

POST leaves at once, whatever the body, and answers 200 without a redirect; GET never leaves (scanners follow links).
"""

import logging
from datetime import datetime

from flask import Blueprint, Response, make_response, render_template
from sqlalchemy.orm import Session

from course.actions import guarding, signup
from course.core.status import Enrolled
from course.core.tokens import Purpose
from course.store.models import Enrollment
from course.web import origins, words
from course.web.doors import open_door
from course.web.readers import pages, pages_timeline
from course.web.services import services

log = logging.getLogger(__name__)
GONE = {Enrolled.LEFT, Enrolled.STOPPED}


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/unsubscriptions/<token>", view_func=show_unsubscription)
    bp.add_url_rule("/unsubscriptions/<token>", view_func=unsubscribe, methods=["POST"])
    bp.add_url_rule("/returns/<token>", view_func=come_back, methods=["POST"])


@open_door
def show_unsubscription(token: str) -> Response:
    with services().database.read() as session:
        found = pages.enrollment_of(session, Purpose.LEAVE, token)
        return _page(session, found, token, "left" if found and found.status in GONE else "ask")


@open_door
def unsubscribe(token: str) -> Response:
    with services().database.write() as session:
        found = pages.enrollment_of(session, Purpose.LEAVE, token, lock=True)
        if found:
            now = services().machine()
            signup.leave(session, found, origins.of_request(), now=now)
            person, _ = pages.person_and_course(session, found)
            write_down(person.id, person.email_key, found.course_id, now)
        return _page(session, found, token, "left")


def write_down(subscriber_id: int, email_key: str, course_id: int, now: datetime) -> None:
    """Outside the database too, so that a restored backup cannot bring them back. Leaving works without it."""
    journal, id_key = services().journal, services().letters.id_key
    try:
        if journal:
            journal.left(now, guarding.departure(id_key, email_key, course_id), subscriber_id)
    except OSError:
        log.exception("the journal cannot be written")


@open_door
def come_back(token: str) -> Response:
    now = services().now()
    with services().database.write() as session:
        found = pages.enrollment_of(session, Purpose.LEAVE, token, lock=True)
        if found and not signup.come_back(session, found, origins.of_request(), now=now.machine):
            return _page(session, found, token, "left")
        return _page(session, found, token, "back", now.course)


def _page(session: Session, found: Enrollment | None, token: str, state: str, now: datetime | None = None) -> Response:
    """200 also for a token that is nobody's: a mail program that asks to leave must never hear no. `now` is course time
    if the page is to tell when the next lesson comes."""
    if found is None:
        page = render_template(
            "readers/unsubscribe.html", course=None, state="unknown", address="", leave_url="", return_url="", when=""
        )
        return make_response(page)
    person, course = pages.person_and_course(session, found)
    zone = person.timezone or course.timezone
    coming = pages_timeline.coming(session, found, person, course, now) if now and found.due_at else []
    page = render_template(
        "readers/unsubscribe.html",
        course=course,
        state=state,
        address=words.masked(person.email),
        leave_url=f"/unsubscriptions/{token}",
        return_url="" if found.status == Enrolled.STOPPED else f"/returns/{token}",
        when=words.when(coming[0].due_at, zone) if coming else "",
    )
    return make_response(page)

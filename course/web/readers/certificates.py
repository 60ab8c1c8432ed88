"""The certificate of who had every lesson and ticked them all: a page to print, and a picture to share."""

from datetime import datetime

from flask import Blueprint, Response, abort, make_response, render_template
from sqlalchemy.orm import Session

from course.actions import certificate
from course.core.tokens import Purpose
from course.store.models import Course, Enrollment, Subscriber
from course.web import words
from course.web.doors import open_door
from course.web.readers import afterwards, certificate_image, pages
from course.web.services import services


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/readers/<token>/certificate", view_func=certificate_page)
    bp.add_url_rule("/readers/<token>/certificate.png", view_func=certificate_picture)


@open_door
def certificate_page(token: str) -> str:
    with services().database.read() as session:
        found, person, course, at = _earned(session, token)
        return render_template(
            "readers/certificate.html",
            course=course, name=person.name, lessons=len(found.had), on=_date(at, person, course), token=token,
            afterwards=afterwards.of(session, course),
        )  # fmt: skip


@open_door
def certificate_picture(token: str) -> Response:
    with services().database.read() as session:
        found, person, course, at = _earned(session, token)
    said = (person.name, course.title, len(found.had), course.sender, _date(at, person, course))
    response = make_response(certificate_image.png(*said))
    response.headers["Content-Type"] = "image/png"
    response.headers["Content-Disposition"] = 'inline; filename="certificate.png"'
    return response


def _earned(session: Session, token: str) -> tuple[Enrollment, Subscriber, Course, datetime]:
    """Or 404: nobody's link, or not yet."""
    found = pages.enrollment_of(session, Purpose.READER, token) or abort(404)
    person, course = pages.person_and_course(session, found)
    at = certificate.earned(session, found) or abort(make_response(_not_yet(course), 404))
    return found, person, course, at


def _not_yet(course: Course) -> str:
    return render_template(
        "readers/error.html", course=course, status=404, title="Your certificate waits for you",
        message="It is here when you have had every lesson, and ticked what there is to do in each.",
        remedy="You find the ticks on your course page.",
    )  # fmt: skip


def _date(at: datetime, person: Subscriber, course: Course) -> str:
    """ "December 7, 2026", on the reader's calendar."""
    day = words.day_of(at, person.timezone or course.timezone)
    return f"{day:%B} {day.day}, {day.year}"

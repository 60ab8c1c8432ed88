"""What goes with the front page: lesson 1 to read before one signs up, and the picture that is shown with a link."""

from collections.abc import Sequence

from flask import Blueprint, Response, abort, make_response
from sqlalchemy.orm import Session

from course.core.sequence import Step
from course.store import courses
from course.store.models import Course
from course.web import doors, share_image
from course.web.doors import open_door
from course.web.readers import landing
from course.web.services import services

SAMPLE = "Sam"  # the sample runner of the lessons


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/courses/<slug>/sample", view_func=sample)
    bp.add_url_rule("/courses/<slug>/share.png", view_func=share_picture)


@open_door
def sample(slug: str) -> Response:
    """The first lesson, as a reader called Sam would get it."""
    letters = services().letters
    with services().database.read() as session:
        course = landing.course_named(session, slug)
        steps = _steps(session, course) or abort(404)
        letter = letters.lesson(course, courses.revision(session, steps[0].revision).source, "web")
        values = letters.web_values(course, SAMPLE, 1, len(steps))
    response = make_response(letter.html.join(values))
    response.headers["Content-Security-Policy"] = doors.MAIL_CSP + "'none'"
    return response


@open_door
def share_picture(slug: str) -> Response:
    with services().database.read() as session:
        course = landing.course_named(session, slug)
        words = landing.share_words(course, len(_steps(session, course)))
    response = make_response(share_image.png(*words))
    response.headers["Content-Type"] = "image/png"
    response.headers["Cache-Control"] = "public, max-age=86400"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _steps(session: Session, course: Course) -> Sequence[Step]:
    return courses.terms_of(session, course.id).at(services().now().course).steps

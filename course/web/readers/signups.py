"""`POST /signups`: a form on any page, or JSON. No cookie and no CSRF token: there is no session to ride on, and what
it does is to send one mail that asks."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, abort, after_this_request, jsonify, make_response, render_template, request
from sqlalchemy.orm import Session

from course.actions import signup
from course.actions.signup import Invalid
from course.actions.signup_caps import Crowded
from course.store import courses
from course.store.models import Course
from course.web import bodies, challenge, origins
from course.web.doors import open_door
from course.web.readers import landing
from course.web.services import services

FIELDS = ("email", "name", "timezone", "source")
HONEYPOT = "website"  # people do not see it; what fills it is a machine


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/signups", view_func=sign_up, methods=["POST", "OPTIONS"])


@open_door
def sign_up() -> Response:
    after_this_request(_for_any_origin)
    return _preflight() if request.method == "OPTIONS" else _sign_up()


def _for_any_origin(response: Response) -> Response:
    """Any blog may hold the form, and its script may read the answer, a refusal too; there are no credentials."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _preflight() -> Response:
    response = make_response("", 204)
    response.headers["Access-Control-Allow-Methods"] = "POST"
    response.headers["Access-Control-Allow-Headers"] = "Content-Type"
    return response


def _sign_up() -> Response:
    fields = bodies.fields()
    try:
        wanted = signup.checked(*(fields.get(name) for name in FIELDS))
        origin = origins.of_request(wanted.source)
        with services().database.write() as session:  # for no longer than it takes: others wait for it
            course = _course(session, fields.get("course"))
            if course.closed_at:
                raise Invalid({"": "Sign-up is closed at the moment."})
            if not fields.get(HONEYPOT):
                challenge.admit(session, fields, origin.ip)
                signup.sign_up(session, course, wanted, origin, services().machine())
    except Invalid as invalid:
        return _refusal(fields, invalid)
    except Crowded as crowded:
        with services().database.read() as session:
            return challenge.answer(_course(session, fields.get("course")), wanted, fields, crowded)
    return _welcome(course, wanted.email)


def _course(session: Session, slug: object) -> Course:
    """The course that is meant, as a row: the first one where none is named."""
    found: Sequence[Course] = courses.rows(session)
    return next((course for course in found if not slug or course.slug == slug), None) or abort(404)


def _refusal(fields: Mapping[str, Any], invalid: Invalid) -> Response:
    with services().database.read() as session:
        course = _course(session, fields.get("course"))
        if request.is_json:
            return make_response(jsonify(errors=invalid.errors), 422)
        form = {name: str(fields.get(name, ""))[:400] for name in FIELDS}
        page = landing.page(session, course, form=form, source=form["source"], invalid=invalid)
        return make_response(page, 422)


def _welcome(course: Course, email: str) -> Response:
    """The same for a new, a known and a suppressed address: nobody learns who is a reader."""
    if request.is_json:
        return make_response(jsonify(message="Check your inbox: we sent you a link to confirm your place."), 202)
    letter = services().letters.confirm(course)
    subject = "".join(letter.subject.segments)
    page = render_template(
        "readers/check_inbox.html", course=course, email=email, subject=subject, sender=letter.sender_name
    )
    return make_response(page)

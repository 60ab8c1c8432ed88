"""The sign-up form for any other page: what a coach pastes into a blog, and the script that goes with it."""

from datetime import timedelta
from typing import Any, NamedTuple

from flask import Blueprint, Response, current_app, render_template
from sqlalchemy.orm import Session

from course.store import courses
from course.store.models import Course
from course.web.doors import open_door
from course.web.readers import landing
from course.web.services import services

bp = Blueprint("embed", __name__)
KEPT = timedelta(hours=1)  # by browsers: its address stands in other people's pages and cannot carry a version


class Form(NamedTuple):
    """How the form is to be: with the script or without, in our look or the blog's, from which post."""

    script: bool
    look: bool
    source: str


@bp.get("/embed.js")
@open_door
def script() -> Response:
    response = current_app.send_static_file("embed.js")
    response.cache_control.max_age = int(KEPT.total_seconds())
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Access-Control-Allow-Origin"] = "*"  # for pages that ask with `crossorigin`
    return response


def values(session: Session, course: Course, form: Form) -> dict[str, Any]:
    """For readers/embed_form.html."""
    steps = courses.terms_of(session, course.id).at(services().now().course).steps
    lessons = landing.outline(session, steps)
    return {"url": services().public_url, "course": course, "lessons": lessons, **form._asdict()}


def snippet(session: Session, course: Course, form: Form) -> str:
    """HTML to paste."""
    return render_template("readers/embed_form.html", **values(session, course, form)).strip()

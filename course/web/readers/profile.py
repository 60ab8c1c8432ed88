"""The reader's numbers, behind the second link: what they told, to be changed and taken back."""

from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request
from sqlalchemy.orm import Session

from course.actions import profiling
from course.core.profile import GOALS, Profile, Told, fields_of
from course.store.models import Course, Enrollment, Subscriber
from course.web import words
from course.web.doors import open_door
from course.web.readers import pages, private
from course.web.services import services

FIELDS = ("units", "goal", "race", "weekly", "longest", "body")


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/readers/private/<token>/numbers", view_func=show_numbers)
    bp.add_url_rule("/readers/private/<token>/numbers", view_func=keep_numbers, methods=["POST"])


@open_door
def show_numbers(token: str) -> Response:
    with services().database.read() as session:
        found, person, course = _reader(session, token)
        profile = profiling.of(session, person.id)
        return make_response(_page(found, course, fields_of(profile or Profile()), known=profile is not None))


@open_door
def keep_numbers(token: str) -> Response:
    """Keeps what was told, or with `forget` forgets it."""
    now = services().now()
    with services().database.write() as session:
        found, person, course = _reader(session, token, lock=True)
        if "forget" in request.form:
            profiling.forget(session, person.id)
            return make_response(_page(found, course, fields_of(Profile()), done="forgotten"))
        typed = {name: request.form.get(name, "")[:40] for name in FIELDS}
        days = request.form.getlist("days")[:7]
        told = profiling.save(session, person.id, typed, days, now.course, person.timezone or course.timezone)
    if told.wrong:
        return make_response(_page(found, course, typed | {"days": days}, told, known=True), 422)
    return make_response(_page(found, course, fields_of(told.profile), told, known=True, done="kept"))


def _reader(session: Session, token: str, *, lock: bool = False) -> tuple[Enrollment, Subscriber, Course]:
    """Whose second link this is; 404 for one that has ended, like for any other that opens nothing."""
    found = private.behind(session, token, lock=lock) or abort(404)
    return (found, *pages.person_and_course(session, found))


def _page(
    found: Enrollment, course: Course, form: dict[str, Any], told: Told | None = None, *,
    known: bool = False, done: str = "",
) -> str:  # fmt: skip
    return render_template(
        "readers/profile.html",
        course=course, form=form, errors=told.wrong if told else {}, replies=told.replies if told else {},
        goals=GOALS, days=words.DAYS, known=known, done=done,
        reader_url=services().letters.links.reader(found.id, found.links),
    )  # fmt: skip

"""The course's front page with the form."""

from collections.abc import Mapping, Sequence
from datetime import time
from itertools import accumulate
from typing import Any

from flask import Blueprint, abort, render_template, request
from markupsafe import Markup
from sqlalchemy.orm import Session

from course.actions.signup import Invalid
from course.core import lesson_file, markup, schedule
from course.core.placeholders import Nonces
from course.store import courses
from course.store.models import Course
from course.web import share_image, words
from course.web.doors import open_door
from course.web.services import services


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/", view_func=first_course)
    bp.add_url_rule("/courses/<slug>", view_func=course_page)


@open_door
def first_course() -> str:
    with services().database.read() as session:
        found = courses.all_courses(session)
        return page(session, found[0] if found else abort(404), source=request.args.get("source", ""))


@open_door
def course_page(slug: str) -> str:
    with services().database.read() as session:
        return page(session, course_named(session, slug), source=request.args.get("source", ""))


def course_named(session: Session, slug: str, *, lock: bool = False) -> Course:
    """Or 404. No slug holds what no database takes: NUL, half a surrogate pair."""
    return (courses.by_slug(session, slug, lock=lock) if slug.isprintable() else None) or abort(404)


def page(
    session: Session,
    course: Course,
    *,
    source: str = "",
    form: Mapping[str, str] | None = None,
    invalid: Invalid | None = None,
) -> str:
    """The landing page; with what was typed and what was wrong with it."""
    timetable = courses.terms_of(session, course.id).at(services().now().course)
    form = {"email": "", "name": "", "timezone": course.timezone} | dict(form or {})
    return render_template(
        "readers/landing.html",
        course=course,
        about=Markup(markup.to_html(course.about, Nonces(course.about))),  # noqa: S704 (sanitised)
        closed=course.closed_at is not None,
        lessons=outline(session, timetable.steps),
        send_at=words.hour(time.fromisoformat(timetable.hour)),
        weekdays=words.weekdays(timetable.weekdays),
        form=form,
        errors=invalid.errors if invalid else {},
        zones=sorted({*schedule.zones(), course.timezone}),
        source=source[:200],
        canonical=services().letters.links.landing(course.slug),
        share_version=share_image.version(*share_words(course, len(timetable.steps))),
    )


def share_words(course: Course, lessons: int) -> tuple[str, int, str]:
    """What stands on the picture of the course."""
    return course.title, lessons, f"An email course by {course.sender}" if course.sender else "An email course"


def outline(session: Session, steps: Sequence[Any]) -> list[dict[str, Any]]:
    """The lessons as the form promises them: number, title, summary, and the day counted from sign-up."""
    revisions = courses.revisions(session, (step.revision for step in steps))
    texts = [lesson_file.parse(revisions[step.revision].source) for step in steps]
    days = accumulate(step.gap for step in steps)
    return [
        {"number": number, "title": text.title, "summary": text.summary, "day": day}
        for number, (text, day) in enumerate(zip(texts, days, strict=True), 1)
    ]

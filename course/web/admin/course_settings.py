"""The settings of a course."""

from flask import Blueprint, Response, flash, make_response, render_template
from sqlalchemy.orm import Session

from course.actions import audit, course_settings
from course.actions.course_settings import Invalid
from course.core import schedule
from course.store.models import Course
from course.web import bodies, words
from course.web.admin.access import coach
from course.web.admin.course_page import hours, present
from course.web.admin.proposing import to
from course.web.doors import coaches_only
from course.web.readers import afterwards
from course.web.readers.landing import course_named
from course.web.services import services


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/courses/<slug>/settings", endpoint="course_settings", view_func=show)
    bp.add_url_rule("/courses/<slug>/settings", view_func=save, methods=["POST"])
    bp.add_url_rule("/courses/<slug>/sign-up", endpoint="set_sign_up", view_func=set_sign_up, methods=["POST"])
    bp.add_url_rule("/courses/<slug>/pause", endpoint="set_pause", view_func=set_pause, methods=["POST"])


@coaches_only
def show(slug: str) -> Response:
    with services().database.read() as session:
        return _page(session, course_named(session, slug), None)


def _page(session: Session, course: Course, invalid: Invalid | None, typed: dict[str, str] | None = None) -> Response:
    timetable, facts = present(session, course), services().letters.facts(course)
    page = render_template(
        "admin/course_settings.html",
        course=course,
        form={name: getattr(course, name) for name in course_settings.TEXTS} | (typed or {}),
        errors=invalid.errors if invalid else {},
        afterwards=afterwards.words(course),
        hour=timetable.hour,
        weekdays=timetable.weekdays,
        hours=hours(timetable),
        days=list(enumerate(words.DAYS)),
        zones=sorted({*schedule.zones(), course.timezone}),
        # What the environment says wins; who changes it here should know.
        overruled={
            name: value
            for name, value in (("reply_to", facts.reply_to), ("postal_address", facts.postal_address))
            if value != getattr(course, name)
        },
        sender_email=facts.sender_email,
    )
    return make_response(page, 422 if invalid else 200)


@coaches_only
def save(slug: str) -> Response:
    fields = {name: str(value) for name, value in bodies.fields().items()}
    with services().database.write() as session:
        course = course_named(session, slug, lock=True)
        try:
            changed = course_settings.change(session, course, fields)
        except Invalid as invalid:
            session.expire(course)
            return _page(session, course, invalid, fields)
        if changed:
            what = ", ".join(name.replace("_", " ") for name in changed)
            audit.note(session, coach(), "course settings", f"{course.title}: {what}", services().machine())
    flash("Saved." if changed else "Nothing was different.")
    return to("admin.course_settings", slug=slug)


@coaches_only
def set_sign_up(slug: str) -> Response:
    is_open = bodies.fields().get("open") == "yes"
    with services().database.write() as session:
        course = course_named(session, slug, lock=True)
        course_settings.set_sign_up(course, is_open=is_open, now=services().machine())
        audit.note(session, coach(), f"{'open' if is_open else 'close'} sign-up", course.title, services().machine())
    flash("Sign-up is open." if is_open else "Sign-up is closed. Everybody who is in the course goes on.")
    return to("admin.course_settings", slug=slug)


@coaches_only
def set_pause(slug: str) -> Response:
    paused = bodies.fields().get("paused") == "yes"
    with services().database.write() as session:
        course = course_named(session, slug, lock=True)
        course_settings.set_pause(course, paused=paused, now=services().machine())
        audit.note(
            session, coach(), f"{'pause' if paused else 'go on with'} course", course.title, services().machine()
        )
    if paused:
        flash("No lesson is sent until you let the course go on. People can sign up meanwhile, and nothing is lost.")
    else:
        flash("The course goes on. What waited goes out at each reader's next hour.")
    return to("admin.course_settings", slug=slug)

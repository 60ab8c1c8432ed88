"""The mail as it will be, in a frame beside the editor, and what there is to say about it. Nothing is saved here."""

import re

from flask import Blueprint, Response, make_response, render_template, request
from sqlalchemy.orm import Session

from course.actions import drafts, lesson_checks, sampling
from course.core import lesson_file
from course.core.errors import BadFile
from course.store.models import Course, Lesson
from course.web import bodies, doors
from course.web.admin import lessons
from course.web.admin import lessons_form as form
from course.web.doors import coaches_only, takes
from course.web.services import services

DARK_ONLY = re.compile(r"@media\s*\(prefers-color-scheme:\s*dark\)")
SCHEMES = re.compile(r"(color-scheme\W+(?:content=\")?)light dark")
# No script runs in the frame. Without `allow-same-origin` the editor could not put it back to where one had scrolled.
SANDBOX = "'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/lessons/<int:lesson_id>/preview", view_func=preview)
    bp.add_url_rule("/lessons/<int:lesson_id>/preview", view_func=try_preview, methods=["POST"])
    bp.add_url_rule("/lessons/<int:lesson_id>/checks", view_func=checks, methods=["POST"])


@coaches_only
def preview(lesson_id: int) -> Response:
    """Of what is saved."""
    with services().database.read() as session:
        course, lesson = form.found(session, lesson_id)
        source = lessons.stored(session, lesson).source
        return _shown(session, course, lesson, source)


@coaches_only
@takes(form.TAKES)
def try_preview(lesson_id: int) -> Response:
    """Of what is being written."""
    text = form.text_of(bodies.fields())
    with services().database.read() as session:
        course, lesson = form.found(session, lesson_id)
        if wrong := drafts.too_long(text):
            return _words("Too long to show", list(wrong.values()))
        return _shown(session, course, lesson, lesson_file.dump(text))


@coaches_only
@takes(form.TAKES)
def checks(lesson_id: int) -> str:
    """What there is to say about what is being written, as a piece of the editor's page."""
    text = form.text_of(bodies.fields())
    with services().database.read() as session:
        course, lesson = form.found(session, lesson_id)
        wrong = drafts.too_long(text)
        checked = lesson_checks.check(session, services().letters, course, text) if not wrong else None
        return render_template(
            "admin/lesson_checks.html", checked=checked, labels=form.LABELS, lesson=lesson, errors=wrong
        )


def _shown(session: Session, course: Course, lesson: Lesson, source: str) -> Response:
    sample = sampling.one(session, course, request.values.get("as", ""))
    try:
        mail = sampling.message(session, services().letters, course, lesson, source, sample, services().now().course)
    except BadFile as error:
        return _words("Nothing to show yet", [f"{fault.problem}." for fault in error.faults])
    show = request.values.get("show", "")
    if show == "text":
        return _framed(
            render_template("admin/lesson_text.html", title="Plain text", text=mail.text, lines=[]), doors.CSP
        )
    return _framed(_painted(mail.html, "dark" if show == "dark" else "light"), doors.MAIL_CSP)


def _words(title: str, lines: list[str]) -> Response:
    return _framed(render_template("admin/lesson_text.html", title=title, text="", lines=lines), doors.CSP)


def _painted(html: str, scheme: str) -> str:
    """The mail as a program with this scheme shows it, whatever this browser's own is. Links open beside it."""
    html = DARK_ONLY.sub("@media all" if scheme == "dark" else "@media not all", html)
    return SCHEMES.sub(rf"\g<1>{scheme}", html).replace("<head>", '<head><base target="_blank">', 1)


def _framed(html: str, policy: str) -> Response:
    response = make_response(html)
    response.headers["Content-Security-Policy"] = policy + SANDBOX
    return response

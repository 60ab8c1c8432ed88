"""What a mail to a reader looked like: the very version that went, rendered as it was."""

from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request, url_for
from sqlalchemy.orm import Session

from course.core.letter import Letter, Values
from course.store import courses, deliveries
from course.store.models import Course, Delivery, Subscriber
from course.web import doors, words
from course.web.admin.readers_page import the_reader
from course.web.admin.readers_why import place
from course.web.doors import coaches_only
from course.web.services import services

SANDBOX = "sandbox allow-popups allow-popups-to-escape-sandbox"


def add_to(bp: Blueprint) -> None:
    here = "/readers/<int:reader_id>/mails/<int:mail_id>"
    bp.add_url_rule(here, endpoint="reader_mail", view_func=mail)
    bp.add_url_rule(f"{here}/html", endpoint="reader_mail_frame", view_func=frame)


@coaches_only
def mail(reader_id: int, mail_id: int) -> str:
    with services().database.read() as session:
        row, person, course, letter, values = _opened(session, reader_id, mail_id)
        zone = person.timezone or course.timezone
        return render_template(
            "admin/reader_mail.html",
            course=course, reader_id=reader_id, person=person, place=place(zone),
            subject=letter.subject.join(values), text=letter.text.join(values),
            when=words.when(row.created_at, zone), show="text" if request.args.get("show") == "text" else "html",
            frame_url=url_for("admin.reader_mail_frame", reader_id=reader_id, mail_id=mail_id),
        )  # fmt: skip


@coaches_only
def frame(reader_id: int, mail_id: int) -> Response:
    with services().database.read() as session:
        *_, letter, values = _opened(session, reader_id, mail_id)
    return framed(letter.html.join(values))


def framed(html: str) -> Response:
    """A mail for a sandboxed frame; its links open beside it."""
    response = make_response(html.replace("<head>", '<head><base target="_blank">', 1))
    response.headers["Content-Security-Policy"] = f"{doors.MAIL_CSP}'self'; {SANDBOX}"
    return response


def _opened(
    session: Session, reader_id: int, mail_id: int
) -> tuple[Delivery, Subscriber, Course, Letter, Values | Any]:
    """None of the reader's own links are in it: a coach who taps one must not act as the reader."""
    found, person, course = the_reader(session, reader_id)
    row = deliveries.by_id(session, mail_id)
    if row is None or row.subscriber_id != person.id or row.course_id != found.course_id:
        abort(404)
    letters = services().letters
    if row.lesson_id is None:
        return row, person, course, letters.confirm(course), Values({"confirm_url": letters.links.landing(course.slug)})
    if row.revision_id is None:
        abort(404)
    letter = letters.lesson(course, courses.revision(session, row.revision_id).source)
    return row, person, course, letter, letters.web_values(course, person.name, row.number or 1, row.count or 1)

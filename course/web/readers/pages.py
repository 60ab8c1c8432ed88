"""The reader's own page, and a lesson in the browser. Both only read; what the buttons do is in controls.py."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template, request
from sqlalchemy.orm import Session

from course.actions import certificate, controls, readers_own
from course.core import schedule
from course.core.schedule import Pace
from course.core.status import Enrolled, Sent
from course.core.tokens import Purpose
from course.store import courses, deliveries, enrollments, subscribers
from course.store.models import Course, Enrollment, Subscriber
from course.web import doors, words
from course.web.doors import open_door
from course.web.readers import afterwards
from course.web.readers.pages_timeline import timeline
from course.web.services import services

PACES = {
    Pace.SLOWER: ("Slower", "Twice the days between two lessons."),
    Pace.NORMAL: ("Normal", "As your coaches planned it."),
    Pace.FASTER: ("Faster", "Half the days, but at least one."),
}
NO_MORE = "No lesson is to come."


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/readers/<token>", view_func=reader_page)
    bp.add_url_rule("/lessons/<token>", view_func=lesson_in_browser)


@open_door
def reader_page(token: str) -> Response:
    """Where I am, what I had, what comes when; and what I may change."""
    return page(token, {}, {}, 200)


def page(token: str, form: Mapping[str, Any], errors: Mapping[str, str], status: int) -> Response:
    """With what was typed and what was wrong with it, by field."""
    now = services().now().course
    with services().database.read() as session:
        found = enrollment_of(session, Purpose.READER, token) or abort(404)
        person, course = person_and_course(session, found)
        zone, lessons = person.timezone or course.timezone, timeline(session, found, person, course, now)
        timetable = courses.terms_of(session, course.id).at(found.enrolled_at)
        paused = found.status == Enrolled.ACTIVE and found.paused_until and found.paused_until > now
        html = render_template(
            "readers/reader.html",
            course=course, name=person.name, address=words.masked(person.email), token=token,
            status="paused" if paused else found.status, halted=course.paused_at is not None,
            until=words.day(words.day_of(found.paused_until, zone)) if paused and found.paused_until else "",
            lessons=lessons, next=next((line for line in lessons if line["state"] == "next"), None),
            sent=sum(line["state"] == "sent" for line in lessons), ticked=sum(line["done"] for line in lessons),
            has_had=bool(found.had), show=request.args.get("show", ""),
            count=max(len(lessons), len(timetable.steps)),  # who left sees what there was to come
            zone=zone, zones=sorted({*schedule.zones(), zone}), days=words.DAYS,
            tomorrow=words.day_of(now, zone) + timedelta(days=1), pace=found.pace,
            paces=_paces(session, found, course, now),
            hour=found.hour or timetable.hour,
            weekdays=timetable.weekdays if found.weekdays is None else found.weekdays,
            earned=certificate.earned(session, found),
            afterwards=afterwards.of(session, course) if found.status == Enrolled.FINISHED else None,
            done=request.args.get("done", ""), form=form, errors=errors,
        )  # fmt: skip
    return make_response(html, status)


def _paces(session: Session, found: Enrollment, course: Course, now: datetime) -> list[dict[str, Any]]:
    """Each pace with what comes when."""
    if found.status != Enrolled.ACTIVE:
        return []
    person, _ = person_and_course(session, found)
    zone, numbers = person.timezone or course.timezone, len(found.had)
    return [
        {"value": pace, "name": PACES[pace][0], "means": PACES[pace][1],
         "then": _then([words.day(words.day_of(plan.due_at, zone)) for plan in plans], numbers)}
        for pace, plans in readers_own.paces(session, found, person, course, now).items()
    ]  # fmt: skip


def _then(days: list[str], had: int) -> str:
    """ "Lesson 2 comes Thursday, November 26, and the last one Monday, December 7."."""
    if not days:
        return NO_MORE
    last = f", and the last one {days[-1]}" if len(days) > 1 else ""
    return f"Lesson {had + 1} comes {days[0]}{last}."


@open_door
def lesson_in_browser(token: str) -> Response:
    """The lesson as it was sent, without the reader's own links."""
    letters = services().letters
    with services().database.read() as session:
        numbers = letters.links.tokens.read(Purpose.READ, token, 1) or abort(404)
        found = deliveries.by_id(session, numbers[0])
        if found is None or found.revision_id is None or found.state in {Sent.QUEUED, Sent.CANCELLED}:
            abort(404)
        person = subscribers.by_id(session, found.subscriber_id) or abort(404)
        course = courses.by_id(session, found.course_id) or abort(404)
        letter = letters.lesson(course, courses.revision(session, found.revision_id).source, "web")
        values = letters.web_values(course, person.name, found.number or 1, found.count or 1)
    response = make_response(letter.html.join(values))
    response.headers["Content-Security-Policy"] = doors.MAIL_CSP + "'none'"
    return response


def enrollment_of(session: Session, purpose: Purpose, token: str, *, lock: bool = False) -> Enrollment | None:
    """The enrollment that a link stands for; None for a forged or revoked one."""
    numbers = services().letters.links.tokens.read(purpose, token, 2)
    found = enrollments.by_id(session, numbers[0], lock=lock) if numbers else None
    return found if found and numbers and found.links == numbers[1] else None


def held(session: Session, token: str) -> Enrollment:
    """The enrollment of a reader's page, ready to be changed, or 404."""
    numbers = services().letters.links.tokens.read(Purpose.READER, token, 2) or abort(404)
    found = controls.hold(session, numbers[0])
    return found if found and found.links == numbers[1] else abort(404)


def person_and_course(session: Session, found: Enrollment) -> tuple[Subscriber, Course]:
    person = subscribers.by_id(session, found.subscriber_id) or abort(404)
    course = courses.by_id(session, found.course_id) or abort(404)
    return person, course

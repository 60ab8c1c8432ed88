"""The buttons on the reader's own page. The link is the proof: there is no cookie, so there is nothing to ride on."""

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, redirect, request, url_for
from sqlalchemy.orm import Session

from course.actions import answering, controls, readers_own, signup
from course.actions.controls import NotNow
from course.core.clock import Now
from course.core.status import Enrolled
from course.store import courses
from course.store.models import Enrollment
from course.web import bodies, origins, words
from course.web.doors import open_door
from course.web.readers import pages, unsubscriptions
from course.web.services import services

Form = Mapping[str, str]
LONGEST = 2000  # characters of a field
ENDED = {
    Enrolled.FINISHED: "You have had every lesson, so there is none to change.",
    Enrolled.LEFT: "You have left the course. Come back first.",
    Enrolled.STOPPED: "We have stopped writing to you, so there is nothing to change.",
    Enrolled.ACTIVE: "You are in the course already.",
}
ANYBODY = set(Enrolled)
HAS_LESSONS = {Enrolled.ACTIVE}
IS_IN = {Enrolled.ACTIVE, Enrolled.FINISHED}


class Act(NamedTuple):
    """What a button does, who may press it, and the field that its refusal belongs to."""

    do: Callable[[Session, Enrollment, Form, Now], None]
    who: Collection[Enrolled]
    field: str = ""


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/readers/<token>/<what>", endpoint="change_own", view_func=change, methods=["POST"])


@open_door
def change(token: str, what: str) -> Response:
    act = ACTS.get(what) or abort(404)
    form = {name: str(value)[:LONGEST] for name, value in bodies.fields().items()}
    now = services().now()
    try:
        with services().database.write() as session:
            found = pages.held(session, token)
            if found.status not in act.who:
                raise NotNow(ENDED[found.status])
            act.do(session, found, form, now)
    except NotNow as refusal:
        field = f"{act.field}-{_lesson(form)}" if act.field == "answer" else act.field
        return pages.page(token, form, {field: str(refusal)}, 422)
    if what in {"tick", "answer"}:  # the reader stays where they are on the page
        return _to(token, anchor=f"lesson-{_lesson(form)}")
    return _to(token, done=what)


def _to(token: str, *, done: str | None = None, anchor: str | None = None) -> Response:
    address = url_for("readers.reader_page", token=token, done=done, _anchor=anchor)
    return redirect(address, 303)  # type: ignore[return-value]


def _tick(session: Session, found: Enrollment, form: Form, now: Now) -> None:
    answering.tick(session, found, _lesson(form), done=form.get("done") == "yes", now=now.machine)


def _answer(session: Session, found: Enrollment, form: Form, now: Now) -> None:
    answering.answer(session, found, _lesson(form), form.get("answer", ""), now.machine)


def _pause(session: Session, found: Enrollment, form: Form, now: Now) -> None:
    """For one week or two, or until a day."""
    zone = _zone(session, found)
    if form.get("weeks") in {"1", "2"}:
        day = words.day_of(now.course, zone) + timedelta(weeks=int(form["weeks"]))
    else:
        try:
            day = date.fromisoformat(form.get("until", ""))
        except ValueError:
            raise NotNow("Choose the day on which your lessons go on.") from None
    controls.pause(session, found, datetime.combine(day, time.min, ZoneInfo(zone)), now)


def _resume(session: Session, found: Enrollment, form: Form, now: Now) -> None:
    controls.resume(session, found, now)


def _next(session: Session, found: Enrollment, form: Form, now: Now) -> None:
    controls.next_now(session, found, now)


def _pace(session: Session, found: Enrollment, form: Form, now: Now) -> None:
    controls.set_pace(session, found, form.get("pace", ""), now)


def _times(session: Session, found: Enrollment, form: Form, now: Now) -> None:
    """Hour, days and time zone at once. What is as the course has it follows the course."""
    timetable = courses.terms_of(session, found.course_id).at(found.enrolled_at)
    days = sorted(int(day) for day in request.form.getlist("weekday") if day in {*"0123456"})
    hour = form.get("hour", "")[:5]
    own_days, own_hour = days != sorted(timetable.weekdays), hour not in {"", timetable.hour}
    controls.set_hours(session, found, hour if own_hour else None, days if own_days else None, now)
    if (zone := form.get("timezone", "")) not in {"", _zone(session, found)}:
        controls.set_zone(session, found, zone, now)


def _start_again(session: Session, found: Enrollment, form: Form, now: Now) -> None:
    if form.get("sure") != "yes":
        raise NotNow("Tick the box if you want all lessons once more.")
    controls.start_again(session, found, now)


def _leave(session: Session, found: Enrollment, form: Form, now: Now) -> None:
    signup.leave(session, found, origins.of_request(), now=now.machine)
    person, _ = pages.person_and_course(session, found)
    unsubscriptions.write_down(person.id, person.email_key, found.course_id, now.machine)


def _return(session: Session, found: Enrollment, form: Form, now: Now) -> None:
    if not signup.come_back(session, found, origins.of_request(), now=now.machine):
        raise NotNow("Mail to your address came back or was marked as spam, so we cannot write to you.")


def _link(session: Session, found: Enrollment, form: Form, now: Now) -> None:
    person, course = pages.person_and_course(session, found)
    readers_own.send_link(session, services().letters, found, person, course, now.machine)


ACTS = {
    "tick": Act(_tick, ANYBODY),
    "answer": Act(_answer, ANYBODY, "answer"),
    "pause": Act(_pause, HAS_LESSONS, "until"),
    "resume": Act(_resume, HAS_LESSONS),
    "next": Act(_next, HAS_LESSONS),
    "pace": Act(_pace, HAS_LESSONS, "pace"),
    "times": Act(_times, HAS_LESSONS, "hour"),
    "start-again": Act(_start_again, IS_IN, "sure"),
    "leave": Act(_leave, ANYBODY - {Enrolled.STOPPED}),
    "return": Act(_return, {Enrolled.LEFT, Enrolled.ACTIVE}),
    "link": Act(_link, ANYBODY, "link"),
}


def _zone(session: Session, found: Enrollment) -> str:
    person, course = pages.person_and_course(session, found)
    return person.timezone or course.timezone


def _lesson(form: Form) -> int:
    number = form.get("lesson", "")
    return int(number) if number.isascii() and number.isdecimal() and len(number) < 10 else 0

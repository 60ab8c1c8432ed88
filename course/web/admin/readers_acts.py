"""What a coach does for one reader. Each is one button, and is written down."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from sqlalchemy.orm import Session

from course.actions import audit, controls, erasing, guarding
from course.actions.controls import NotNow
from course.core.clock import Now
from course.store import courses, readers_page
from course.store.models import Enrollment
from course.web import bodies, data_file, words
from course.web.admin.access import coach
from course.web.admin.readers_page import page, the_reader
from course.web.doors import coaches_only
from course.web.services import services

Form = Mapping[str, str]


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/readers/<int:reader_id>/data.json", endpoint="reader_data", view_func=data)
    bp.add_url_rule("/readers/<int:reader_id>/erasure", endpoint="erase_reader", view_func=erase, methods=["POST"])
    bp.add_url_rule("/readers/<int:reader_id>/<what>", endpoint="change_reader", view_func=change, methods=["POST"])


@coaches_only
def change(reader_id: int, what: str) -> Response:
    act, field = ACTS.get(what) or abort(404)
    form = {name: str(value)[:1000] for name, value in bodies.fields().items()}
    now = services().now()
    try:
        with services().database.write() as session:
            found = controls.hold(session, reader_id) or abort(404)
            done = act(session, found, form, now)
            audit.note(session, coach(), what.replace("-", " "), f"{readers_page.about(reader_id)}{done}", now.machine)
    except NotNow as refusal:
        return page(reader_id, form, {field: str(refusal)}, 422)
    flash(done)
    return redirect(url_for("admin.reader", reader_id=reader_id), 303)  # type: ignore[return-value]


def _pause(session: Session, found: Enrollment, form: Form, now: Now) -> str:
    _, person, course = the_reader(session, found.id)
    zone = person.timezone or course.timezone
    try:
        day = date.fromisoformat(form.get("until", ""))
    except ValueError:
        raise NotNow("Choose the day on which the lessons go on.") from None
    midnight = datetime.combine(day, time.min, ZoneInfo(zone))
    controls.pause(session, found, midnight, now)
    return f"Paused until {words.day(day)}."


def _resume(session: Session, found: Enrollment, form: Form, now: Now) -> str:
    controls.resume(session, found, now)
    return "The pause is over."


def _next(session: Session, found: Enrollment, form: Form, now: Now) -> str:
    controls.next_now(session, found, now)
    return "The next lesson goes now."


def _skip(session: Session, found: Enrollment, form: Form, now: Now) -> str:
    controls.skip(session, found, _lesson(form), now)
    return f"{_titled(session, found, form)} is skipped."


def _unskip(session: Session, found: Enrollment, form: Form, now: Now) -> str:
    controls.unskip(session, found, _lesson(form), now)
    return f"{_titled(session, found, form)} is no longer skipped."


def _again(session: Session, found: Enrollment, form: Form, now: Now) -> str:
    controls.send_again(session, found, _lesson(form), now)
    return f"{_titled(session, found, form)} goes once more."


def _times(session: Session, found: Enrollment, form: Form, now: Now) -> str:
    """The whole form at once: pace, zone, hour and weekdays."""
    controls.set_pace(session, found, form.get("pace", ""), now)
    controls.set_zone(session, found, form.get("timezone", ""), now)
    own_days = [int(day) for day in request.form.getlist("weekday") if day in {*"0123456"}]
    timetable = courses.terms_of(session, found.course_id).at(found.enrolled_at)
    weekdays = None if sorted(own_days) == sorted(timetable.weekdays) else own_days
    hour = form.get("hour", "")[:5]
    controls.set_hours(session, found, None if hour in {"", timetable.hour} else hour, weekdays, now)
    return "The lessons to come follow the new times."


def _stop(session: Session, found: Enrollment, form: Form, now: Now) -> str:
    controls.stop(session, found, form.get("reason", "").strip(), now)
    _write_down(session, found, found.course_id, now)
    return "Stopped: no more lessons."


def _bring_back(session: Session, found: Enrollment, form: Form, now: Now) -> str:
    controls.bring_back(session, found, form.get("note", ""), now)
    return "They are in the course again, where they were."


def _start_again(session: Session, found: Enrollment, form: Form, now: Now) -> str:
    controls.start_again(session, found, now)
    return "The course begins again for them, with lesson 1."


ACTS: dict[
    str, tuple[Callable[[Session, Enrollment, Form, Now], str], str]
] = {  # with the field that an error belongs to
    "pause": (_pause, "until"),
    "resume": (_resume, ""),
    "next": (_next, ""),
    "skip": (_skip, "skip"),
    "unskip": (_unskip, ""),
    "send-again": (_again, "again"),
    "times": (_times, "hour"),
    "stop": (_stop, "reason"),
    "bring-back": (_bring_back, "note"),
    "start-again": (_start_again, ""),
}


def _lesson(form: Form) -> int:
    number = form.get("lesson", "")
    return int(number) if number.isdecimal() and len(number) < 10 else 0


def _titled(session: Session, found: Enrollment, form: Form) -> str:
    timetable = courses.terms_of(session, found.course_id).at(found.enrolled_at)
    return f"Lesson {timetable.number(_lesson(form))}"


@coaches_only
def data(reader_id: int) -> Response:
    """Everything that is kept about this person, as they may ask for it."""
    with services().database.read() as session:
        found, _, _ = the_reader(session, reader_id)
        return data_file.answer(erasing.export(session, found.subscriber_id), f"reader-{reader_id}.json")


@coaches_only
def erase(reader_id: int) -> Response:
    if bodies.fields().get("sure") != "yes":
        return page(reader_id, {}, {"sure": "Tick the box, if you are sure: this cannot be taken back."}, 422)
    now = services().now()
    with services().database.write() as session:
        found, _, course = the_reader(session, reader_id)
        for one in courses.all_courses(session):
            _write_down(session, found, one.id, now)
        erasing.erase(session, found.subscriber_id, now.machine)
        audit.note(session, coach(), "erase a reader", f"{readers_page.about(reader_id)}all of it", now.machine)
    flash("Erased. No list brings them back; they may sign up anew themselves.")
    return redirect(url_for("admin.readers", slug=course.slug), 303)  # type: ignore[return-value]


def _write_down(session: Session, found: Enrollment, course_id: int, now: Now) -> None:
    """Outside the database too, so that a restored backup cannot mail them again."""
    _, person, _ = the_reader(session, found.id)
    if journal := services().journal:
        journal.left(now.machine, guarding.departure(services().letters.id_key, person.email_key, course_id), person.id)

"""Play the course: every lesson of a runner who was made up, or of a real reader, with its date and its mail."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, make_response, render_template, request, url_for
from sqlalchemy.orm import Session

from course.actions import playing
from course.actions.playing import Break, Played, Runner
from course.core import lesson_file, schedule
from course.core.letter import Letter, Values
from course.core.schedule import Pace
from course.core.sequence import Timetable
from course.store import courses, enrollments, subscribers
from course.store.models import Course
from course.web import words
from course.web.admin.course_page import present
from course.web.admin.readers_mail import framed
from course.web.admin.readers_page import PACES
from course.web.admin.readers_why import place
from course.web.doors import coaches_only
from course.web.readers.landing import course_named
from course.web.services import services

SAMPLE = "Sam"
FAR = 365 * 20  # days from today: a play is for a date that somebody can imagine
FIELDS = ("timezone", "day", "at", "pace", "hour", "pause_from", "pause_until", "name")


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/courses/<slug>/play", endpoint="play", view_func=play)
    bp.add_url_rule("/courses/<slug>/play/<int:revision_id>", endpoint="play_mail", view_func=mail)


@coaches_only
def play(slug: str) -> Response:
    with services().database.read() as session:
        course = course_named(session, slug)
        reader = request.args.get("reader", None, type=int)
        if reader:
            return make_response(_of_reader(session, course, reader))
        form, errors = _form(course, present(session, course)), dict[str, str]()
        played = _played(session, course, form, errors)
        page = _page(session, course, played, form["name"] or SAMPLE, form["timezone"], form=form, errors=errors)
    return make_response(page, 422 if errors else 200)


def _form(course: Course, timetable: Timetable) -> dict[str, Any]:
    """What was asked; where nothing was, a runner who signs up now in the course's own zone."""
    args = request.args
    zone = args.get("timezone", "")
    zone = zone if schedule.known_zone(zone) else course.timezone
    local = services().now().course.astimezone(ZoneInfo(zone))
    found = {name: args.get(name, "")[:80] for name in FIELDS} | {"timezone": zone}
    found["day"] = found["day"] or local.date().isoformat()
    found["at"] = found["at"] or f"{local:%H:%M}"
    found["hour"] = found["hour"] or timetable.hour
    found["pace"] = found["pace"] if found["pace"] in set(Pace) else Pace.NORMAL
    days = sorted({int(day) for day in args.getlist("weekday") if day in {*"0123456"}})
    return found | {"weekdays": days or list(timetable.weekdays)}


def _played(session: Session, course: Course, form: Mapping[str, Any], errors: dict[str, str]) -> list[Played]:
    zone = form["timezone"]
    start = _instant(form["day"], form["at"], zone, errors, "day")
    pauses = []
    if form["pause_from"] or form["pause_until"]:
        begins = _instant(form["pause_from"], "00:00", zone, errors, "pause_from")
        ends = _instant(form["pause_until"], "00:00", zone, errors, "pause_until")
        if begins and ends and ends <= begins:
            errors["pause_until"] = "A pause ends after it began."
        elif begins and ends:
            pauses = [Break(begins, ends)]
    hour = _hour(form["hour"])
    if hour is None:
        errors["hour"] = "Write an hour like 07:00."
    if errors or start is None:
        return []
    runner = Runner(
        enrolled_at=start, timezone=zone, pace=form["pace"], hour=form["hour"], weekdays=list(form["weekdays"])
    )
    return playing.play_newcomer(session, course, runner, pauses)


def _instant(day: str, at: str, zone: str, errors: dict[str, str], field: str) -> datetime | None:
    """A moment on that zone's clock; a clock that skips it is read as the moment after."""
    hour = _hour(at)
    try:
        found = date.fromisoformat(day)
    except ValueError:
        found = None
    today = services().now().course.date()
    if found is None or hour is None or abs((found - today).days) > FAR:
        errors[field] = f"Choose a day within {FAR // 365} years from now, and an hour like 07:00."
        return None
    return datetime.combine(found, hour, ZoneInfo(zone)) + timedelta(0)


def _hour(text: str) -> time | None:
    try:
        return time.fromisoformat(text) if len(text) == 5 else None
    except ValueError:
        return None


def _of_reader(session: Session, course: Course, reader_id: int) -> str:
    found = enrollments.by_id(session, reader_id)
    if found is None or found.course_id != course.id:
        abort(404)
    person = subscribers.by_id(session, found.subscriber_id) or abort(404)
    played = playing.play_reader(session, course, found, person.timezone, services().now().course)
    zone, name = person.timezone or course.timezone, person.name or person.email
    return _page(session, course, played, name, zone, first_name=person.name, reader=found.id)


def _page(
    session: Session, course: Course, played: list[Played], name: str, zone: str, *,
    form: Mapping[str, Any] | None = None, errors: Mapping[str, str] | None = None,
    reader: int | None = None, first_name: str | None = None,
) -> str:  # fmt: skip
    called = name if first_name is None else first_name
    return render_template(
        "admin/play.html",
        course=course, lessons=[_line(session, course, one, zone, called) for one in played], name=name, zone=zone,
        place=place(zone), form=form, errors=errors or {}, reader=reader, paces=PACES, days=words.DAYS,
        zones=sorted({*schedule.zones(), zone}),
    )  # fmt: skip


def _line(session: Session, course: Course, one: Played, zone: str, name: str) -> dict[str, Any]:
    letter, values = _letter(session, course, one.revision, name, one.number, one.count)
    source = courses.revision(session, one.revision).source
    frame = url_for("admin.play_mail", slug=course.slug, revision_id=one.revision,
                    name=name, number=one.number, count=one.count)  # fmt: skip
    return {"number": one.number, "title": lesson_file.parse(source).title, "when": words.when(one.at, zone),
            "subject": letter.subject.join(values), "frame": frame}  # fmt: skip


@coaches_only
def mail(slug: str, revision_id: int) -> Response:
    """The mail as this runner would see it, for the frame."""
    number, count = request.args.get("number", 1, type=int), request.args.get("count", 1, type=int)
    with services().database.read() as session:
        course = course_named(session, slug)
        if not courses.revisions(session, [revision_id]):
            abort(404)
        name = request.args.get("name", "")[:80]
        letter, values = _letter(session, course, revision_id, name, number, count)
    return framed(letter.html.join(values))


def _letter(
    session: Session, course: Course, revision_id: int, name: str, number: int, count: int
) -> tuple[Letter, Values]:
    letters = services().letters
    letter = letters.lesson(course, courses.revision(session, revision_id).source)
    return letter, letters.web_values(course, name, number, count)

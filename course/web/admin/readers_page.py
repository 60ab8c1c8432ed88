"""One reader: why they get what they get, what may be done for them, and all that happened."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, abort, make_response, render_template
from sqlalchemy.orm import Session

from course.actions.planning import Planner
from course.core import lesson_file, schedule
from course.core.status import Enrolled
from course.store import courses, enrollments, subscribers
from course.store.models import Course, Enrollment, Subscriber
from course.web import words
from course.web.admin import readers_timeline
from course.web.admin.readers_why import STATES, place, state, why
from course.web.doors import coaches_only
from course.web.services import services

PACES = {"normal": "as written", "slower": "slower: gaps twice as long", "faster": "faster: gaps half as long"}


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/readers/<int:reader_id>", endpoint="reader", view_func=reader)


@coaches_only
def reader(reader_id: int) -> Response:
    return page(reader_id, {}, {}, 200)


def page(reader_id: int, form: Mapping[str, Any], errors: Mapping[str, str], status: int) -> Response:
    """The reader's page; with what was typed, and what was wrong with it."""
    now = services().now()
    with services().database.read() as session:
        found, person, course = the_reader(session, reader_id)
        zone, lessons = person.timezone or course.timezone, lessons_of(session, found, course)
        shown = render_template(
            "admin/reader.html",
            course=course, person=person, found=found, zone=zone, place=place(zone),
            state=STATES[state(found, now.course)], kind=state(found, now.course),
            why=why(session, found, person, course, now.course),
            in_course=found.status in {Enrolled.ACTIVE, Enrolled.FINISHED},
            had=[one for one in lessons if one["id"] in found.had and one["number"]],
            ahead=[one for one in lessons if one["state"] == "ahead"],
            skipped=[one for one in lessons if one["state"] == "skipped"],
            plan=_plan(session, found, person, course, zone, lessons),
            timeline=readers_timeline.timeline(session, found, person, course, zone),
            paces=PACES, zones=sorted({*schedule.zones(), zone}), days=words.DAYS,
            tomorrow=words.day_of(now.course + timedelta(days=1), zone).isoformat(),
            timetable=courses.terms_of(session, course.id).at(found.enrolled_at),
            form=form, errors=errors,
        )  # fmt: skip
    return make_response(shown, status)


def the_reader(session: Session, reader_id: int) -> tuple[Enrollment, Subscriber, Course]:
    found = enrollments.by_id(session, reader_id) or abort(404)
    person = subscribers.by_id(session, found.subscriber_id) or abort(404)
    return found, person, courses.by_id(session, found.course_id) or abort(404)


def lessons_of(session: Session, found: Enrollment, course: Course) -> list[dict[str, Any]]:
    """Every lesson of the course as it is for this reader: had, ahead or skipped."""
    timetable = courses.terms_of(session, course.id).at(found.enrolled_at)
    excluded = enrollments.exclusions(session, [found.id])[found.id]
    texts = courses.revisions(session, (step.revision for step in timetable.steps))
    lines = []
    for number, step in enumerate(timetable.steps, 1):
        stands = "had" if step.lesson in found.had else "skipped" if step.lesson in excluded else "ahead"
        title = lesson_file.parse(texts[step.revision].source).title
        lines.append({"id": step.lesson, "number": number, "title": title, "state": stands})
    return lines


def _plan(
    session: Session, found: Enrollment, person: Subscriber, course: Course, zone: str, lessons: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The lessons to come with their dates, if all goes on as it is."""
    if found.status != Enrolled.ACTIVE:
        return []
    planner = Planner(course, courses.terms_of(session, course.id))
    excluded = enrollments.exclusions(session, [found.id])[found.id]
    named = {one["id"]: one for one in lessons}
    rest = planner.rest(found, person.timezone, excluded, first_at=found.due_at)
    return [{**named[plan.step.lesson], "at": words.when(plan.due_at, zone)} for plan in rest]

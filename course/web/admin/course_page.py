"""The course: its lessons in order, and how many readers stand where."""

from datetime import time
from itertools import accumulate
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template
from sqlalchemy.orm import Session

from course.actions import audit, authoring, standing
from course.core import lesson_file
from course.core.sequence import Timetable
from course.store import courses
from course.store.models import Course, Draft
from course.web import bodies, words
from course.web.admin.access import coach
from course.web.doors import coaches_only
from course.web.readers.landing import course_named
from course.web.services import services


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/courses/<slug>", endpoint="course", view_func=course_page)
    bp.add_url_rule("/courses/<slug>/lessons", endpoint="add_lesson", view_func=add_lesson, methods=["POST"])


@coaches_only
def course_page(slug: str) -> str:
    with services().database.read() as session:
        course = course_named(session, slug)
        timetable = present(session, course)
        found = standing.numbers(session, course)
        return render_template(
            "admin/course.html",
            course=course,
            numbers=found,
            lessons=lessons_of(session, timetable, found),
            shelf=shelf(session, course, timetable),
            hours=hours(timetable),
            now=services().now().course,
        )


@coaches_only
def add_lesson(slug: str) -> Response:
    """An empty lesson, in nobody's course until it is published."""
    title = str(bodies.fields().get("title", ""))[:200].strip() or "New lesson"
    with services().database.write() as session:
        course = course_named(session, slug)
        lesson = authoring.add_lesson(session, course, title, author=audit.known_as(coach()), now=services().machine())
        audit.note(session, coach(), "add a lesson", title, services().machine())
        flash("A new lesson, in nobody's course yet. Write it, then publish it.")
        return redirect(f"/admin/lessons/{lesson.id}", 303)  # type: ignore[return-value]


def present(session: Session, course: Course) -> Timetable:
    """The course as it is for who signs up now."""
    return courses.terms_of(session, course.id).at(services().now().course)


def hours(timetable: Timetable) -> str:
    """ "at 7:00 am, on Monday, Wednesday and Friday"."""
    days = words.weekdays(timetable.weekdays)
    return f"at {words.hour(time.fromisoformat(timetable.hour))}, {f'on {days}' if days else 'every day'}"


def lessons_of(session: Session, timetable: Timetable, found: standing.Numbers) -> list[dict[str, Any]]:
    """The lessons of the course in order, each with its day on a reader's calendar."""
    revisions = courses.revisions(session, (step.revision for step in timetable.steps))
    days = accumulate(step.gap for step in timetable.steps)
    return [
        {
            "id": step.lesson,
            "number": number,
            "text": lesson_file.parse(revisions[step.revision].source),
            "gap": step.gap,
            "day": day,
            "draft": session.get(Draft, step.lesson),
            "held": revisions[step.revision].held_reason if revisions[step.revision].held_at else "",
            "numbers": found.lessons[step.lesson],
        }
        for number, (step, day) in enumerate(zip(timetable.steps, days, strict=True), 1)
    ]


def shelf(session: Session, course: Course, timetable: Timetable) -> list[dict[str, Any]]:
    """Lessons that are in nobody's course now: drafts, and what was taken out."""
    here = {step.lesson for step in timetable.steps}
    found = []
    for lesson in courses.lessons_of(session, course.id).values():
        if lesson.id not in here:
            draft = session.get(Draft, lesson.id)
            source = draft.source if draft else courses.newest_revision(session, lesson.id).source
            found.append({"id": lesson.id, "title": authoring.title_of(source), "is_draft": draft is not None})
    return found

"""Where a change begins: a draft that is to be published, a lesson that moves, other days or hours."""

from collections.abc import Callable
from datetime import time
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, url_for
from sqlalchemy.orm import Session

from course.actions import audit, authoring, edits, publishing, wording
from course.actions.edits import Change, Choice, Kind
from course.core import course_file
from course.core.errors import BadFile, CourseError
from course.core.sequence import Timetable
from course.store import courses
from course.store.models import Course, Draft, Lesson
from course.web import bodies, words
from course.web.admin.access import coach
from course.web.admin.course_page import present
from course.web.doors import coaches_only
from course.web.readers.landing import course_named
from course.web.services import services


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/courses/<slug>/changes", endpoint="propose", view_func=propose, methods=["POST"])
    bp.add_url_rule("/lessons/<int:lesson_id>/publish", endpoint="publish_lesson", view_func=publish_lesson)


@coaches_only
def publish_lesson(lesson_id: int) -> str:
    """Where a draft begins to be published: a lesson of the course gets a new text, another one comes in."""
    with services().database.read() as session:
        lesson = session.get(Lesson, lesson_id) or abort(404)
        return _page(session, session.get_one(Course, lesson.course_id), lesson)


def _page(session: Session, course: Course, lesson: Lesson) -> str:
    timetable, draft = present(session, course), session.get(Draft, lesson.id)
    steps = [step.lesson for step in timetable.steps]
    revisions = courses.revisions(session, (step.revision for step in timetable.steps))
    titles = [authoring.title_of(revisions[step.revision].source) for step in timetable.steps]
    source = draft.source if draft else courses.newest_revision(session, lesson.id).source
    kind = Kind.TEXT if lesson.id in steps else Kind.INSERT
    return render_template(
        "admin/publish.html",
        course=course,
        lesson=lesson,
        title=authoring.title_of(source),
        kind=kind,
        draft=draft,
        titles=titles,
        number=timetable.number(lesson.id),
        choices=wording.CHOICES[kind],
    )


@coaches_only
def propose(slug: str) -> Response:
    """Works out what a change would do; nothing is changed yet."""
    fields, now = bodies.fields(), services().now()
    with services().database.read() as session:
        course = course_named(session, slug)
        try:
            change, summary = _change(session, course, fields)
            choice = choice_of(change.kind, str(fields.get("choice", "")))
            found = publishing.foresee(session, course, change, choice, now)
        except BadFile as error:
            flash(f"The text is not ready: {error.faults[0].problem}. {error.faults[0].remedy}.", "wrong")
            return redirect(f"/admin/lessons/{_number(fields, 'lesson')}", 303)  # type: ignore[return-value]
        except CourseError as error:
            flash(str(error), "wrong")
            return to("admin.course", slug=course.slug)
    with services().database.write() as session:
        by = audit.known_as(coach())
        edit = publishing.propose(session, course, change, choice, found, summary=summary, author=by, now=now)
        return to("admin.change", edit_id=edit.id)


def _change(session: Session, course: Course, fields: Any) -> tuple[Change, str]:
    kind = next((kind for kind in Kind if kind == fields.get("kind")), None) or abort(400)
    timetable = present(session, course)
    if kind is Kind.HOURS:
        return _hours(timetable, fields)
    lesson = session.get(Lesson, _number(fields, "lesson"))
    if lesson is None or lesson.course_id != course.id:
        abort(404)
    if kind is not Kind.INSERT and lesson.id not in {step.lesson for step in timetable.steps}:
        raise CourseError("This lesson is not in the course any more. Please look again.")
    draft = session.get(Draft, lesson.id)
    title = authoring.title_of(draft.source if draft else courses.newest_revision(session, lesson.id).source)
    place, days = _number(fields, "place", 1), _number(fields, "days", 1)
    if kind is Kind.INSERT:
        return _insert(session, timetable, lesson, draft, place, days), wording.summary(kind, title, place=place)
    if kind is Kind.TEXT and draft is None:
        raise CourseError("There is no new text to publish: nobody changed this lesson since it was published.")
    made: dict[Kind, Callable[[], Change]] = {
        Kind.TEXT: lambda: edits.text(lesson.id, draft.version if draft else 0),
        Kind.MOVE: lambda: edits.move(timetable, lesson.id, place),
        Kind.ARCHIVE: lambda: edits.archive(timetable, lesson.id),
        Kind.GAP: lambda: edits.gap(timetable, lesson.id, days),
    }
    return made[kind](), wording.summary(kind, title, place=place, days=days)


def _insert(
    session: Session, timetable: Timetable, lesson: Lesson, draft: Draft | None, place: int, days: int
) -> Change:
    if lesson.id in {step.lesson for step in timetable.steps}:
        raise CourseError("This lesson is in the course already.")
    newest = courses.newest_revision_or_none(session, lesson.id)
    return edits.insert(
        timetable,
        lesson.id,
        place,
        days,
        draft=draft.version if draft else None,
        revision=newest.id if newest else None,
        fresh=not courses.has_terms(session, lesson.id),
    )


def _hours(timetable: Timetable, fields: Any) -> tuple[Change, str]:
    hour = str(fields.get("hour", ""))
    days = [number for number in range(7) if fields.get(f"day{number}")]
    if not course_file.is_hour(hour):
        raise CourseError("The send hour is a time of the day, such as 07:00.")
    if not days:
        raise CourseError("Choose at least one weekday.")
    on = words.weekdays(days)
    said = f"at {words.hour(time.fromisoformat(hour))}, {f'on {on}' if on else 'every day'}"
    return edits.hours(hour, days), wording.summary(Kind.HOURS, hours=said)


def choice_of(kind: Kind, asked: str) -> Choice:
    return next((choice for choice in edits.CHOICES[kind] if choice == asked), edits.CHOICES[kind][0])


def _number(fields: Any, name: str, fallback: int = 0) -> int:
    """A number that was typed; 0, which no place and no gap can be, for what is none."""
    text = str(fields.get(name, fallback))
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def to(endpoint: str, **values: Any) -> Response:
    """After a change, by GET."""
    return redirect(url_for(endpoint, **values), 303)  # type: ignore[return-value]

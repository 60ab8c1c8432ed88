"""The page where a lesson is written. It saves as one types; nobody gets it before it is published."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, flash, jsonify, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from course.actions import audit, drafts, lesson_checks, sampling
from course.actions.drafts import Conflict, Writing
from course.core import lesson_file, text_diff
from course.core.errors import BadFile
from course.core.lesson_file import LessonText
from course.core.placeholders import AUTHORS
from course.store import admins
from course.store.models import Course, Lesson
from course.web import bodies
from course.web.admin import lessons_form as form
from course.web.admin.access import coach
from course.web.doors import coaches_only, takes
from course.web.services import services


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/lessons/<int:lesson_id>", view_func=lesson_page)
    bp.add_url_rule("/lessons/<int:lesson_id>", view_func=save_lesson, methods=["POST"])
    bp.add_url_rule("/lessons/<int:lesson_id>/discard", view_func=discard_draft, methods=["POST"])


@coaches_only
def lesson_page(lesson_id: int) -> Response:
    with services().database.read() as session:
        course, lesson = form.found(session, lesson_id)
        there = stored(session, lesson)
        return page(session, course, lesson, there, lesson_file.parse_draft(there.source))


def stored(session: Session, lesson: Lesson) -> Writing:
    return drafts.open_text(session, lesson, services().now().course)


@coaches_only
@takes(form.TAKES)
def save_lesson(lesson_id: int) -> Response:
    """Saves, then does what the button said: send a test, or go on to publishing."""
    fields = bodies.fields()
    with services().database.write() as session:
        course, lesson = form.found(session, lesson_id)
        saved = save(session, course, lesson, fields)
        if isinstance(saved, Response):
            return saved
        if form.wants_json():
            return jsonify(version=saved.version, said=_status(course, saved))
        if fields.get("do") == "test":
            _send_test(session, course, lesson, saved.source, fields)
        elif fields.get("do") == "publish":
            return redirect(url_for("admin.publish_lesson", lesson_id=lesson.id), 303)  # type: ignore[return-value]
        else:
            flash("Saved. Readers get it when you publish it." if saved.is_draft else "It is as it was published.")
        return back(lesson.id, str(fields.get("as", "")))


def save(session: Session, course: Course, lesson: Lesson, fields: Mapping[str, Any]) -> Writing | Response:
    """Puts the fields in the draft; or the answer that says why not."""
    now, text = services().now(), form.text_of(fields)
    there = stored(session, lesson)
    if wrong := drafts.too_long(text):
        return _refused(session, course, lesson, there, text, wrong)
    source = drafts.source_of(text, there.source)
    seen, author = form.seen(fields), audit.known_as(coach())
    saved = drafts.save(session, lesson, source, seen, author=author, now=now.machine, course_now=now.course)
    if isinstance(saved, Conflict):
        return _conflict(session, course, lesson, saved.theirs, text)
    if saved.is_draft and not there.is_draft:
        audit.note(session, coach(), "begin to change a lesson", text.title, now.machine)
    return saved


@coaches_only
def discard_draft(lesson_id: int) -> Response:
    """Back to what readers get; a lesson that was never published is gone."""
    with services().database.write() as session:
        course, lesson = form.found(session, lesson_id)
        now = services().now()
        text = lesson_file.parse_draft(stored(session, lesson).source)
        for_ever = drafts.never_published(session, lesson)
        if not drafts.discard(session, lesson, form.seen(bodies.fields())):
            flash("Nothing was thrown away: somebody wrote on meanwhile. Please look again.", "wrong")
            return back(lesson.id)
        audit.note(session, coach(), "throw a draft away", text.title, now.machine)
        if for_ever:
            flash(f"“{text.title or 'The lesson'}” is deleted.")
            return redirect(url_for("admin.course", slug=course.slug), 303)  # type: ignore[return-value]
        flash("The changes are thrown away. This is what readers get.")
        return back(lesson.id)


def back(lesson_id: int, shown_as: str = "") -> Response:
    """To the editor, by GET."""
    also = {"as": shown_as} if shown_as and shown_as != sampling.SAM else {}
    return redirect(url_for("admin.lesson_page", lesson_id=lesson_id, **also), 303)  # type: ignore[arg-type, return-value]


def page(
    session: Session,
    course: Course,
    lesson: Lesson,
    there: Writing,
    text: LessonText,
    *,
    errors: Mapping[str, str] | None = None,
    conflict: bool = False,
) -> Response:
    """The editor with `text` in it, over what is stored; `conflict`: that is somebody else's."""
    now, shown_as = services().now(), request.values.get("as", "")
    number, count = drafts.place(session, course, lesson, now.course)
    others = [one for one in admins.everyone(session) if one.id != coach().id]
    html = render_template(
        "admin/lesson.html",
        course=course,
        lesson=lesson,
        number=number,
        count=count,
        there=there,
        text=text,
        errors=errors or {},
        status=_status(course, there),
        theirs=_compared(there, text) if conflict else None,
        when=form.clock(there.updated_at, course),
        never=there.published is None,
        samples=sampling.samples(session, course, shown_as),
        shown_as=sampling.one(session, course, shown_as).key,
        checked=lesson_checks.check(session, services().letters, course, text) if not errors else None,
        labels=form.LABELS,
        placeholders=AUTHORS,
        others=others,
        has_outbox=services().outbox is not None,
    )
    return make_response(html, 422 if errors else 409 if conflict else 200)


def _status(course: Course, there: Writing) -> str:
    if not there.is_draft:
        return "As it was published"
    return f"Saved by {there.author}, {form.clock(there.updated_at, course)}"


def _refused(
    session: Session, course: Course, lesson: Lesson, there: Writing, text: LessonText, wrong: Mapping[str, str]
) -> Response:
    if form.wants_json():
        return make_response(jsonify(error=next(iter(wrong.values()))), 422)
    return page(session, course, lesson, there, text, errors=wrong)


def _conflict(session: Session, course: Course, lesson: Lesson, theirs: Writing, text: LessonText) -> Response:
    if form.wants_json():
        said = f"{theirs.author} saved this lesson too, {form.clock(theirs.updated_at, course)}."
        return make_response(jsonify(conflict=said), 409)
    return page(session, course, lesson, theirs, text, conflict=True)


def _compared(theirs: Writing, mine: LessonText) -> dict[str, Any]:
    """What stands there, and what differs from it in the text of who comes second."""
    text = lesson_file.parse_draft(theirs.source)
    return {"text": text, "changes": changes(text, mine)}


def changes(before: LessonText, after: LessonText) -> list[tuple[str, list[text_diff.Passage]]]:
    """What differs, by field, in the order of the page."""
    found = ((label, getattr(before, key), getattr(after, key)) for key, label in form.LABELS.items())
    return [(label, text_diff.passages(was, is_)) for label, was, is_ in found if was != is_]


def _send_test(session: Session, course: Course, lesson: Lesson, source: str, fields: Mapping[str, Any]) -> None:
    now, sample = services().now(), sampling.one(session, course, str(fields.get("as", "")))
    try:
        mail = sampling.message(session, services().letters, course, lesson, source, sample, now.course)
    except BadFile as error:
        flash(f"No test was sent: {error.faults[0].problem}.", "wrong")
        return
    people = [one.email for one in admins.everyone(session) if one.id == coach().id or fields.get("everybody")]
    sampling.send_test(session, mail, people, now.machine)
    audit.note(session, coach(), "send a test", f"{mail.subject} to {', '.join(people)}", now.machine)
    flash(f"A test is on its way to {' and '.join(people)}.", "test")

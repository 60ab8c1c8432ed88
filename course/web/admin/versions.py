"""What was published of a lesson, what changed from one version to another, and the way back to an earlier one."""

from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from course.actions import audit, drafts
from course.actions.drafts import Conflict, Writing
from course.core import lesson_file, readability
from course.store import drafts as store
from course.store.models import Course, Lesson
from course.web import bodies
from course.web.admin import lessons
from course.web.admin import lessons_form as form
from course.web.admin.access import coach
from course.web.doors import coaches_only
from course.web.services import services

DRAFT = "draft"


def add_to(bp: Blueprint) -> None:
    bp.add_url_rule("/lessons/<int:lesson_id>/versions", view_func=versions)
    bp.add_url_rule("/lessons/<int:lesson_id>/versions", view_func=restore_version, methods=["POST"])


@coaches_only
def versions(lesson_id: int) -> str:
    """The list, newest first, and two of them compared: the newest two, or those that were asked for."""
    with services().database.read() as session:
        course, lesson = form.found(session, lesson_id)
        there = lessons.stored(session, lesson)
        found = _versions(session, course, lesson, there)
        old, new = _asked(found)
        return render_template(
            "admin/versions.html",
            course=course,
            lesson=lesson,
            title=found[0]["text"].title,
            versions=found,
            there=there,
            old=old,
            new=new,
            changes=lessons.changes(old["text"], new["text"]),
        )


@coaches_only
def restore_version(lesson_id: int) -> Response:
    """Puts an earlier text in the draft. Readers get it when it is published."""
    fields, now = bodies.fields(), services().now()
    with services().database.write() as session:
        _, lesson = form.found(session, lesson_id)
        wanted = next((one for one in store.versions(session, lesson_id) if str(one.id) == fields.get("restore")), None)
        source = (wanted or abort(404)).source
        seen, author = form.seen(fields), audit.known_as(coach())
        saved = drafts.save(session, lesson, source, seen, author=author, now=now.machine, course_now=now.course)
        if isinstance(saved, Conflict):
            flash(f"Nothing was changed: {saved.theirs.author} wrote on meanwhile. Please look again.", "wrong")
            return redirect(url_for("admin.versions", lesson_id=lesson_id), 303)  # type: ignore[return-value]
        title = lesson_file.parse_draft(source).title
        audit.note(session, coach(), "restore a version", title, now.machine)
        flash(
            "The earlier text is back, as a draft. Publish it when it is ready."
            if saved.is_draft
            else "It is that text already."
        )
        return lessons.back(lesson_id)


def _versions(session: Session, course: Course, lesson: Lesson, there: Writing) -> list[dict[str, Any]]:
    """Newest first: the draft, and what was published."""
    rows: list[tuple[str, str, Any, str]] = []
    if there.is_draft:
        rows.append((DRAFT, there.source, there.updated_at, there.author))
    rows += [(str(one.id), one.source, one.created_at, one.author) for one in store.versions(session, lesson.id)]
    now = str(there.published.id) if there.published else ""
    return [
        {
            "key": key,
            "text": (text := lesson_file.parse_draft(source)),
            "words": readability.word_count(text.body),
            "when": form.clock(at, course),
            "author": "the lesson files" if author == "import" else author,
            "is_now": key == now,
        }
        for key, source, at, author in rows
    ]


def _asked(found: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two to compare, the older one first."""
    keys = [one["key"] for one in found]
    new = request.args.get("new", "")
    at = keys.index(new) if new in keys else 0
    old = request.args.get("old", "")
    before = keys.index(old) if old in keys else min(at + 1, len(keys) - 1)
    first, second = max(at, before), min(at, before)
    return found[first], found[second]

"""The fields of a lesson, as the editor sends them and shows them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import abort, request
from sqlalchemy.orm import Session

from course.core.lesson_file import KEYS, LessonText, as_written, one_line, unix_lines
from course.store import drafts as store
from course.store.models import Course, Lesson
from course.web import words
from course.web.admin.access import coach

TAKES = 4_000_000  # bytes: more than a lesson may have, so that who pastes too much hears it beside the text
LABELS = {
    "title": "Title", "subject": "Subject", "preview": "Preview", "summary": "What it gives",
    "action": "The one thing to do", "question": "The question", "body": "Text", "text": "Plain text",
}  # fmt: skip


def text_of(fields: Mapping[str, Any]) -> LessonText:
    """What was written. A NUL, which no mail can hold and no keyboard makes, is left out."""
    if "body" not in fields:
        abort(400)
    typed = {name: str(fields.get(name, "")).replace("\x00", "") for name in (*KEYS, "body", "text")}
    lines = {name: one_line(typed[name]) for name in KEYS}
    return LessonText(**lines, body=unix_lines(typed["body"]), text=as_written(typed["text"]))


def seen(fields: Mapping[str, Any]) -> int:
    """The version that somebody wrote over."""
    text = str(fields.get("version", ""))
    return int(text) if text.isdecimal() and len(text) < 11 else 0


def found(session: Session, lesson_id: int) -> tuple[Course, Lesson]:
    lesson = store.lesson(session, lesson_id) or abort(404)
    return session.get_one(Course, lesson.course_id), lesson


def wants_json() -> bool:
    """The editor's script, not a form."""
    return request.accept_mimetypes.best == "application/json"


def clock(at: datetime, course: Course) -> str:
    """ "Monday, November 23, 10:00 am (New York time)", on the coach's own clock."""
    zone = coach().timezone or course.timezone
    return f"{words.when(at, zone)} ({zone.rpartition('/')[2].replace('_', ' ')} time)"

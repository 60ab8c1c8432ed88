"""New lessons, and what a lesson is called while its text is not in order yet."""

import re
import unicodedata
from collections.abc import Container
from datetime import datetime

from sqlalchemy.orm import Session

from course.actions import drafts
from course.core import lesson_file
from course.core.errors import BadFile
from course.core.lesson_file import LessonText
from course.store import courses
from course.store.models import Course, Lesson

STARTER = "Hi {{ first_name }},\n\nWrite the lesson here.\n"
MAX_SLUG = 60


def add_lesson(session: Session, course: Course, title: str, *, author: str, now: datetime) -> Lesson:
    """A lesson with a draft and no place in the course: nobody gets it until it is published."""
    taken = courses.lessons_of(session, course.id)
    lesson = courses.add_lesson(session, course.id, _free_slug(title, taken), "", now)
    text = LessonText(title=title, subject=title, preview="", summary="", action="", question="", body=STARTER)
    drafts.first_draft(session, lesson, lesson_file.dump(text), author, now)
    return lesson


def title_of(source: str) -> str:
    """The title of a text that may not be in order yet."""
    try:
        return lesson_file.parse(source).title
    except BadFile:
        found = re.search(r'^title\s*=\s*"(.+)"\s*$', source, re.MULTILINE)
        return found[1] if found else "A lesson without a title"


def _free_slug(title: str, taken: Container[str]) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    stem = "-".join(re.findall(r"[a-z0-9]+", plain))[:MAX_SLUG].strip("-") or "lesson"
    slug, number = stem, 2
    while slug in taken:
        slug, number = f"{stem}-{number}", number + 1
    return slug

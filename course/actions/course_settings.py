"""What holds for a whole course, but for the timetable: who writes, to whom answers go, whether sign-up is open."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from course.actions import planning
from course.core import course_file, schedule
from course.core.errors import CourseError
from course.store.models import Course

TEXTS = (
    "title", "summary", "about", "afterwards", "sender", "reply_to", "postal_address", "first_name", "disclaimer",
    "timezone", "send_until", "on_unknown",
)  # fmt: skip
LONGEST = 500  # characters of a line
PAGE = 10_000  # of a page
PLANS = ("timezone", "send_until")  # what the next mails hang on


class Invalid(CourseError):
    """Fields that cannot be used: a message for each, by field name."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors


def change(session: Session, course: Course, fields: Mapping[str, str]) -> list[str]:
    """Takes over the texts that are among `fields`; the names of those that changed. Raises Invalid, and then changes
    nothing. Readers who follow the course's clock are planned anew."""
    texts = {name: _clean(name, fields[name]) for name in TEXTS if name in fields}
    errors = {name: wrong for name, text in texts.items() if (wrong := _problem(name, text))}
    if errors:
        raise Invalid(errors)
    changed = [name for name, text in texts.items() if _clean(name, getattr(course, name)) != text]
    for name in changed:
        setattr(course, name, texts[name])
    session.flush()
    if set(changed) & set(PLANS):
        planning.replan(session, course)
    return changed


def set_sign_up(course: Course, *, is_open: bool, now: datetime) -> None:
    """Closed, the form says so; who is in the course goes on."""
    course.closed_at = None if is_open else course.closed_at or now


def set_pause(course: Course, *, paused: bool, now: datetime) -> None:
    """Paused, nothing of the course is sent; sign-ups and confirmations go on, and nothing is lost."""
    course.paused_at = (course.paused_at or now) if paused else None


def _clean(name: str, text: str) -> str:
    return "\n".join(text.splitlines()).strip() if name in course_file.PAGES else " ".join(text.split())


def _problem(name: str, text: str) -> str:
    longest = PAGE if name in course_file.PAGES else LONGEST
    if len(text) > longest:
        return f"At most {longest:,} characters, please"
    if any(not (c.isprintable() or c in "\n\t") for c in text):
        return "There are characters in here that cannot be used"
    return course_file.problem(name, text, schedule.known_zone)

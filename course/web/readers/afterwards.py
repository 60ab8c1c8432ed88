"""What comes after the last lesson: the coaches' own words, and the other courses here."""

import re
from typing import NamedTuple

from markupsafe import Markup
from sqlalchemy.orm import Session

from course.core import markup
from course.core.placeholders import Nonces
from course.store import courses
from course.store.models import Course

_LINK_ALONE = re.compile(r"<p><a ([^<>]*)>([^<>]*)</a></p>")


class Afterwards(NamedTuple):
    words: Markup  # "" where the coaches wrote none
    others: list[Course]  # that one may sign up for
    by: str


def of(session: Session, course: Course) -> Afterwards:
    """For readers/afterwards.html."""
    others = [one for one in courses.all_courses(session) if one.id != course.id and one.closed_at is None]
    return Afterwards(words(course), others, course.sender)


def words(course: Course) -> Markup:
    """What the coaches wrote; a link that has a paragraph to itself is a button."""
    html = markup.to_html(course.afterwards, Nonces(course.afterwards))
    return Markup(_LINK_ALONE.sub(r'<p><a class="button" \1>\2</a></p>', html))  # noqa: S704 (sanitised)

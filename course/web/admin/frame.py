"""What stands around every admin page: the ways to the other ones."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from flask import Blueprint, request

from course.store import courses
from course.store.models import Course
from course.web.admin import access
from course.web.services import services

PLACES = (  # title, address; those of a course carry its slug
    ("Today", "/admin"),
    ("Lessons", "/admin/courses/{slug}"),
    ("Readers", "/admin/courses/{slug}/readers"),
    ("Insight", "/admin/courses/{slug}/insight"),
)
MORE = (
    ("Play the course", "/admin/courses/{slug}/play"),
    ("Sign-up form", "/admin/courses/{slug}/embed"),
    ("Changes", "/admin/courses/{slug}/changes"),
    ("Course settings", "/admin/courses/{slug}/settings"),
    ("People", "/admin/people"),
    ("Who did what", "/admin/audit"),
    ("Your account", "/admin/account"),
)
ELSEWHERE = {"/admin/lessons/": "Lessons", "/admin/readers/": "Readers"}  # one of them, by its number


class Place(NamedTuple):
    title: str
    url: str
    here: str  # what aria-current says: this page, or a page of this part; "" for another


def add_to(bp: Blueprint) -> None:
    bp.context_processor(_frame)


def _frame() -> dict[str, Any]:
    """For templates/admin/base.html. A view that speaks of one course hands it over as `course`."""
    if not access.is_signed_in():
        return {"coach": None, "courses": [], "nearest": None}
    with services().database.read() as session:
        found = courses.all_courses(session)
    slug = (request.view_args or {}).get("slug")
    nearest = next((course for course in found if course.slug == slug), next(iter(found), None))
    return {"coach": access.coach(), "courses": found, "nearest": nearest, "places": places, "more_places": more}


def places(course: Course | None) -> list[Place]:
    return _list(PLACES, course)


def more(course: Course | None) -> list[Place]:
    return _list(MORE, course)


def _list(wanted: Sequence[tuple[str, str]], course: Course | None) -> list[Place]:
    here = _part(course)
    found = [(title, url.format(slug=course.slug) if course else url) for title, url in wanted]
    return [
        Place(title, url, ("page" if url == request.path else "true") if title == here else "")
        for title, url in found
        if "{" not in url
    ]


def _part(course: Course | None) -> str:
    """The title of the place that this page belongs to: the one with the longest address that it begins with."""
    for start, title in ELSEWHERE.items():
        if request.path.startswith(start):
            return title
    known = [(url.format(slug=course.slug if course else ""), title) for title, url in (*PLACES, *MORE)]
    fits = [(url, title) for url, title in known if url == request.path or request.path.startswith(f"{url}/")]
    url, title = max(fits, default=("", ""))
    return title if url != access.HOME or request.path == url else ""

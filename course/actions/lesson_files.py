"""The files of a course, read and checked. A folder is a course: course.toml and NN-slug.md files."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from course.core import course_file, lesson_file, pictures
from course.core.course_file import CourseText
from course.core.errors import BadFile, Fault
from course.core.schedule import known_zone

FIGURES = "figures"  # the folder of the pictures, beside the lessons


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one course, by name, as text."""

    slug: str
    course: str
    lessons: Mapping[str, str]  # file name -> text, in order
    pictures: Mapping[str, bytes] = field(default_factory=dict)  # name in figures/ -> content


def read(files: Files) -> CourseText:
    """Reads all files of a course. Raises BadFile with every fault that makes one of them unusable."""
    faults = [*_names(files), *_twice(files)]
    for name, text in files.lessons.items():
        faults += _faults_of(partial(lesson_file.parse, text, f"{files.slug}/{name}"))
    faults += _faults_of(lambda: _course(files))
    if faults:
        raise BadFile(faults)
    return _course(files)


def check(files: Files) -> list[Fault]:
    """Every fault in the files of a course, those too that only its readers would meet."""
    faults = [*_names(files), *_twice(files), *_faults_of(lambda: _course(files))]
    for name, text in files.lessons.items():
        faults += lesson_file.check(text, f"{files.slug}/{name}")
        faults += _lost_pictures(files, name, text)
    return faults


def _lost_pictures(files: Files, name: str, text: str) -> list[Fault]:
    here = {file.partition(".")[0] for file in files.pictures}
    return [
        Fault(
            f"{files.slug}/{name}",
            text[: text.index(digest)].count("\n") + 1,
            f"the picture {digest} is not in {FIGURES}/",
            "Export the course again, with its pictures",
        )
        for digest in sorted(pictures.digests_in(text) - here)
    ]


def _course(files: Files) -> CourseText:
    return course_file.parse(files.course, len(files.lessons), known_zone, f"{files.slug}/{course_file.FILE}")


def _faults_of(reading: Callable[[], object]) -> list[Fault]:
    try:
        reading()
    except BadFile as error:
        return error.faults
    return []


SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
MAX_SLUG, MAX_NAME = 80, 120  # characters; of the folder, and of a file


def _names(files: Files) -> list[Fault]:
    faults = []
    if not SLUG.fullmatch(files.slug) or len(files.slug) > MAX_SLUG:
        remedy = f"Name it like plan-and-lift: small letters, digits and dashes, at most {MAX_SLUG}"
        faults.append(Fault(files.slug, 0, "the folder's name cannot stand in a link", remedy))
    for name in files.lessons:
        if not lesson_file.NAME.fullmatch(name):
            remedy = "Name it like 01-first-steps.md: number, dash, small letters, digits and dashes"
            faults.append(Fault(f"{files.slug}/{name}", 0, "the name says no order", remedy))
        elif len(name) > MAX_NAME:
            faults.append(Fault(f"{files.slug}/{name}", 0, f"the name is over {MAX_NAME} characters", "Shorten it"))
    return faults


def _twice(files: Files) -> list[Fault]:
    slugs = [slug_of(name) for name in files.lessons]
    return [
        Fault(f"{files.slug}/{name}", 0, f"two lessons are called {slug_of(name)}", "Rename one of them")
        for name in files.lessons
        if slugs.count(slug_of(name)) > 1
    ]


def slug_of(name: str) -> str:
    """The slug in a file's name."""
    found = lesson_file.NAME.fullmatch(name)
    return found[2] if found else name

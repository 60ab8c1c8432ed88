"""`course.toml`: what holds for a whole course."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, get_type_hints

import tomlkit

from course.core import address
from course.core.errors import BadAddress, BadFile, Fault
from course.core.lesson_file import link_problem
from course.core.markup import targets
from course.core.placeholders import AUTHORS, WRITTEN, Nonces

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FILE = "course.toml"
PAGES = ("about", "afterwards")  # Markdown; the other texts are one line
_HOUR = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


@dataclass(frozen=True, slots=True)
class CourseText:
    """A course's own settings. Gaps are days after the lesson before, in the order of the files."""

    title: str
    timezone: str  # for readers whose own zone is unknown
    gaps: tuple[int, ...]
    summary: str = ""
    sender: str = ""  # the name in From
    reply_to: str = ""
    postal_address: str = ""
    send_at: str = "07:00"  # local hour of every lesson but the first
    send_until: str = "21:00"  # it may still leave until then
    weekdays: tuple[str, ...] = WEEKDAYS
    on_unknown: str = "hold"  # "resend": once, when nobody can say whether a lesson arrived
    first_name: str = "there"  # when a reader gave none
    disclaimer: str = ""  # at the foot of every lesson
    about: str = ""  # Markdown for the landing page: whom it is for, who the coaches are
    afterwards: str = ""  # Markdown for who has had every lesson: what the coaches offer next


_HINTS: dict[str, Any] = get_type_hints(CourseText)


def parse(source: str, lessons: int, known_zone: Any, file: str = FILE) -> CourseText:
    """Reads a course.toml for a folder with that many lesson files. Raises BadFile with every fault."""
    try:
        values = tomllib.loads(source.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        raise BadFile([Fault(file, int(found[1]) if found else 1, f"no TOML: {error}", "Mend that line")]) from None
    faults = _faults(values, lessons, known_zone)
    if faults:
        raise BadFile([Fault(file, _line_of(source, key), problem, remedy) for key, problem, remedy in faults])
    return _text(values)


def parse_again(source: str) -> CourseText:
    """Reads a file that `parse` has passed before."""
    return _text(tomllib.loads(source.removeprefix("\ufeff")))


def _text(values: dict[str, Any]) -> CourseText:
    read: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}
    return CourseText(**read)


def updated(source: str, course: CourseText) -> str:
    """The file with these values; comments and everything that says the same stay as they are."""
    before, plain = parse_again(source), source.removeprefix("\ufeff")
    if course == before:
        return source
    document = tomlkit.parse(plain)
    for key, value in asdict(course).items():
        if value != getattr(before, key):
            document[key] = list(value) if isinstance(value, tuple) else value
    return source[: len(source) - len(plain)] + tomlkit.dumps(document)


def _faults(values: dict[str, Any], lessons: int, known_zone: Any) -> list[tuple[str, str, str]]:
    known = [field.name for field in fields(CourseText)]
    faults = [
        (key, f'"{key}" is not known here', f"Known are {', '.join(known)}") for key in values if key not in known
    ]
    faults += [(key, f"{key} is missing", "Add it") for key in ("title", "timezone", "gaps") if key not in values]
    for key, value in values.items():
        if key in known and (wrong := _wrong(key, value, lessons, known_zone)):
            faults.append((key, *wrong))
    return faults


def _wrong(key: str, value: Any, lessons: int, known_zone: Any) -> tuple[str, str] | None:
    """What is wrong with one value, and what to do."""
    if _HINTS[key] is str and not isinstance(value, str):
        return f"{key} is not a text", f'Write {key} = "…"'
    if isinstance(value, str) and (wrong := _wrong_text(key, value)):
        return wrong
    if key == "timezone" and not known_zone(value):
        return f"the time zone {value!r} is not known", 'Write an IANA name such as "America/New_York"'
    if key == "weekdays" and not (value and isinstance(value, list) and all(day in WEEKDAYS for day in value)):
        return "weekdays are not readable", f"Name at least one of {', '.join(WEEKDAYS)}, as a list"
    if key == "gaps":
        return _wrong_gaps(value, lessons)
    return None


def _wrong_text(key: str, value: str) -> tuple[str, str] | None:
    if "\x00" in value:
        return f"{key} holds a NUL character", "Remove it"
    if found := next((m for m in WRITTEN.finditer(value) if m[1] in AUTHORS), None):
        return f"{found[0]} has no meaning here", "Only lessons know their reader; remove it"
    if key in PAGES and (problem := next(_link_problems(value), None)):
        return problem, "Write it in full: https://…"
    if key == "title" and not value.strip():
        return "the title is empty", "Name the course"
    if key in {"send_at", "send_until"} and not is_hour(value):
        return f"{key} is {value!r}", 'Write an hour of the day as "07:00"'
    if key == "on_unknown" and value not in {"hold", "resend"}:
        return f"on_unknown is {value!r}", 'Write "hold" (a coach decides) or "resend" (once)'
    if key == "reply_to" and value and not _is_address(value):
        return f"{key} is {value!r}, which is no address", 'Write it as "name@example.org"'
    return None


def _link_problems(markdown: str) -> Iterator[str]:
    """Pages of ours may link to each other."""
    nonces = Nonces(markdown)
    links = [target.url for target in targets(markdown, nonces) if not target.url.startswith(("/", "#"))]
    yield from filter(None, (link_problem(url, nonces) for url in links))


def problem(key: str, value: str, known_zone: Any) -> str:
    """What is wrong with one text of a course; "" if nothing is. A remedy comes with it."""
    wrong = _wrong(key, value, 0, known_zone)
    return f"{wrong[0]}. {wrong[1]}" if wrong else ""


def is_hour(text: str) -> bool:
    """Whether it is an hour of the day as "07:00"."""
    return _HOUR.fullmatch(text) is not None


def _is_address(value: str) -> bool:
    try:
        return bool(address.checked(value)) and value == value.strip()
    except BadAddress:
        return False


def _wrong_gaps(value: Any, lessons: int) -> tuple[str, str] | None:
    if not isinstance(value, list) or not all(type(gap) is int and 0 <= gap <= 365 for gap in value):
        return "gaps are not whole days from 0 to 365", "Write them as a list: gaps = [0, 3, 4]"
    if 0 in value[1:]:
        return (
            "a gap of 0 days stands after the first lesson",
            "Two lessons cannot go at once; use at least 1",
        )
    if len(value) != lessons:
        return (
            f"{len(value)} gaps for {lessons} lessons",
            "Give each lesson file its gap, in the order of the files",
        )
    return None


def _line_of(source: str, key: str) -> int:
    found = re.search(rf"^[ \t]*{re.escape(key)}[ \t]*=", source, re.MULTILINE)
    return source[: found.start()].count("\n") + 1 if found else 0

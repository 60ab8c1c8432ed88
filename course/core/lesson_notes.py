"""What a careful editor would say about a lesson: its faults, in the words of who writes it in a page, and hints that
stop nothing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from course.core import lesson_file, readability
from course.core.lesson_file import KEYS, LessonText
from course.core.markup import Target, targets
from course.core.placeholders import Nonces

SUBJECT, PREVIEW = 35, 90  # characters that a phone shows
GRADE = 9  # the school year above which a text gets hard for many readers
NEEDED = {"title": "title", "subject": "subject", "body": "text"}
VAGUE = {"click", "click here", "click this", "here", "link", "more", "read more", "this", "this link", "this page"}
SHORTENERS = {
    "bit.ly",
    "buff.ly",
    "cutt.ly",
    "goo.gl",
    "is.gd",
    "ow.ly",
    "rebrand.ly",
    "t.co",
    "tiny.cc",
    "tinyurl.com",
}
LEFT_OVER = re.compile(r"\b(?:TK(?:TK)*|TODO|FIXME|XXX+|TBD)\b|\b[Ll]orem ipsum\b")
HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+\S")
FENCE = re.compile(r" {0,3}(```|~~~)")


@dataclass(frozen=True, slots=True)
class Note:
    """`field` is the one of LessonText it speaks of; `line` counts from 1 within it, 0 speaks of it as a whole."""

    field: str
    line: int
    problem: str
    remedy: str


def faults(text: LessonText) -> list[Note]:
    """What is to be mended before the lesson is published."""
    missing = {key: word for key, word in NEEDED.items() if not getattr(text, key).strip()}
    filled = replace(text, **dict.fromkeys(missing, "x"))
    places = _places(filled)
    found = [Note(key, 0, f"the {word} is missing", "Write it") for key, word in missing.items()]
    for fault in lesson_file.check(lesson_file.dump(filled), "lesson"):
        field, line = places[min(fault.line, len(places)) - 1]
        found.append(Note(field, line, fault.problem, fault.remedy))
    return found


def _places(text: LessonText) -> list[tuple[str, int]]:
    """For each line of the lesson's file: which field stands there, and which line of it."""
    front = [(key, 0) for key in KEYS if getattr(text, key)]
    lines = [("text", line) for line in range(text.text.count("\n") + 3)] if text.text else []
    body = [("body", line) for line in range(1, text.body.count("\n") + 2)]
    return [("title", 0), *front, *lines, ("body", 0), *body]


def hints(text: LessonText) -> list[Note]:
    """What would make the lesson better. Nothing of it is wrong."""
    nonces = Nonces(text.body)
    found = [*_lengths(text), *_headings(text.body), *_left_over(text)]
    for target in targets(text.body, nonces):
        found += [Note("body", target.line, *said) for said in _target(target, nonces)]
    grade = readability.grade_of(text.body)
    if grade is not None and grade > GRADE:
        found.append(
            Note("body", 0, f"it asks for about {grade:.0f} years of school", "Shorter sentences help most readers")
        )
    return sorted(found, key=lambda note: note.line)


def _lengths(text: LessonText) -> Iterator[Note]:
    if len(text.subject) > SUBJECT:
        yield Note("subject", 0, f"phones show about {SUBJECT} characters of it", "Put the weightiest words first")
    if not text.preview and text.body.strip():
        yield Note("preview", 0, "there is no preview", "Mail programs will show the first words of the lesson instead")
    if len(text.preview) > PREVIEW:
        yield Note("preview", 0, f"mail programs show about {PREVIEW} characters of it", "Shorten it")


def _headings(body: str) -> Iterator[Note]:
    """A reader who cannot see moves by headings: none may be skipped. "#" and "##" are both sections of a lesson."""
    level, fenced = 2, False
    for number, line in enumerate(body.splitlines(), 1):
        fenced ^= bool(FENCE.match(line))
        if fenced or not (found := HEADING.match(line)):
            continue
        new = max(2, len(found[1]))
        if new > level + 1:
            marks = "#" * (level + 1)
            yield Note(
                "body", number, "this heading skips a level", f"Begin it with {marks}, as a part of the one above"
            )
        level = new


def _left_over(text: LessonText) -> Iterator[Note]:
    for key in (*KEYS, "body", "text"):
        for found in LEFT_OVER.finditer(getattr(text, key)):
            line = getattr(text, key)[: found.start()].count("\n") + 1 if key in {"body", "text"} else 0
            yield Note(key, line, f"“{found[0]}” looks like something still to be written", "Write it, or take it out")


def _target(target: Target, nonces: Nonces) -> Iterator[tuple[str, str]]:
    words = " ".join(target.text.lower().strip(" .!:…→»").split())
    if target.kind == "image":
        if words.endswith((".png", ".jpg", ".jpeg", ".gif", ".webp")):
            yield "the words for this picture are the name of a file", "Say what it shows"
        return
    if words in VAGUE:
        yield f"the link “{target.text}” does not say where it leads", "Use the name of the page as its words"
    elif not words:
        yield "this link has no words", "Write between the brackets where it leads"
    if not nonces.names_in(target.url) and (host := _host(target.url)) in SHORTENERS:
        yield f"{host} hides where this link leads, and spam filters mistrust it", "Write the whole address"


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""

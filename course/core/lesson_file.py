"""A lesson as a file: TOML front matter between two `+++` lines, then Markdown. `NN-slug.md` gives order and slug."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from hashlib import sha256
from urllib.parse import urlsplit

from course.core.errors import BadFile, Fault
from course.core.markup import SCHEMES, misplaced_blocks, targets
from course.core.pictures import ADDRESS
from course.core.placeholders import AUTHORS, WRITTEN, Nonces, blocks_between_words, closest
from course.core.units import EXAMPLES, Units, quantity

NAME = re.compile(r"(\d{2,3})-([a-z0-9]+(?:-[a-z0-9]+)*)\.md")
FENCE = "+++"
MAX_SUBJECT = 200  # characters; phones show about 35


@dataclass(frozen=True, slots=True)
class LessonText:
    """What an author wrote. Everything but title, subject and body may be empty. `text` is the text part if it was
    written by hand: as it stands, without empty lines around it."""

    title: str
    subject: str
    preview: str
    summary: str  # one line for the landing page
    action: str  # the one thing to do before the next lesson
    question: str  # the one question that readers may answer
    body: str  # Markdown
    text: str = ""


KEYS = tuple(field.name for field in fields(LessonText) if field.name not in {"body", "text"})  # one line each
NEEDED = ("title", "subject")


def parse(source: str, file: str = "lesson") -> LessonText:
    """Reads the text of a lesson file. Raises BadFile with every fault that makes it unusable."""
    front, body, _ = _cut(source, file)
    values = _front_matter(front, file)
    faults = [*_front_faults(values, front, file), *_body_faults(body, front, file)]
    if faults:
        raise BadFile(sorted(faults, key=lambda fault: fault.line))
    return _text(values, body)


def parse_draft(source: str) -> LessonText:
    """Likewise for a text that may still lack something. Raises BadFile for what is no lesson file at all."""
    front, body, _ = _cut(source, "draft")
    return _text({key: str(value) for key, value in _front_matter(front, "draft").items()}, body)


def _text(values: dict[str, str], body: str) -> LessonText:
    lines = {key: one_line(values.get(key, "")) for key in KEYS}
    return LessonText(**lines, body=body, text=as_written(values.get("text", "")))


def dump(lesson: LessonText) -> str:
    """The file of a lesson: what `parse` reads back to the same text."""
    front = "".join(f"{key} = {_toml_string(getattr(lesson, key))}\n" for key in KEYS if getattr(lesson, key))
    text = f"text = {_toml_lines(lesson.text)}\n" if lesson.text else ""
    return f"{FENCE}\n{front}{text}{FENCE}\n{lesson.body}"


def one_line(value: str) -> str:
    """A value as it is kept: every run of blanks and line ends is one blank."""
    return " ".join(value.split())


def as_written(text: str) -> str:
    """A text part as it is kept: lines end as on Unix, and no empty line is around it."""
    return unix_lines(text).strip("\n") if text.strip() else ""


def unix_lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def digest(source: str) -> str:
    """Names the content of a file: SHA-256, hex."""
    return sha256(source.encode()).hexdigest()


def check(source: str, file: str) -> list[Fault]:
    """Every fault of a lesson file, those too that only its readers would meet."""
    try:
        lesson = parse(source, file)
    except BadFile as error:
        return error.faults
    offset = _cut(source, file)[2]
    faults = [
        *_placeholder_faults(source, file),
        *_block_faults(lesson, _cut(source, file)[0], file, offset),
        *_target_faults(lesson.body, file, offset),
    ]
    return sorted(faults, key=lambda fault: fault.line)


def _cut(source: str, file: str) -> tuple[str, str, int]:
    """Front matter, body, and the number of lines above the body."""
    lines = source.removeprefix("\ufeff").splitlines(keepends=True)
    if not lines or lines[0].strip() != FENCE:
        raise BadFile([Fault(file, 1, "the file does not begin with front matter", f'Put "{FENCE}" on the first line')])
    end = next((n for n, line in enumerate(lines[1:], 1) if line.strip() == FENCE), None)
    if end is None:
        raise BadFile([Fault(file, 1, "the front matter has no end", f'Close it with a line "{FENCE}"')])
    return "".join(lines[1:end]), "".join(lines[end + 1 :]), end + 1


def _front_matter(front: str, file: str) -> dict[str, str]:
    try:
        return tomllib.loads(front)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) + 1 if found else 1
        raise BadFile([Fault(file, line, f"the front matter is no TOML: {error}", 'Write key = "text"')]) from None


def _front_faults(values: dict[str, str], front: str, file: str) -> Iterator[Fault]:
    for key, value in values.items():
        line = _line_of(front, key)
        if key not in {*KEYS, "text"}:
            yield Fault(file, line, f'"{key}" is not known here', f"Known are {', '.join(KEYS)}, text")
        elif not isinstance(value, str):
            yield Fault(file, line, f"{key} is not a text", f'Write {key} = "…" with quotation marks')
        elif "\x00" in value:
            yield Fault(file, line, f"{key} holds a NUL character", "Remove it")
    for key in NEEDED:
        if not str(values.get(key, "")).strip():
            yield Fault(file, _line_of(front, key), f"the {key} is missing", f'Add {key} = "…" to the front matter')
    if len(str(values.get("subject", ""))) > MAX_SUBJECT:
        yield Fault(file, _line_of(front, "subject"), f"the subject is over {MAX_SUBJECT} characters", "Shorten it")


def _body_faults(body: str, front: str, file: str) -> Iterator[Fault]:
    if not body.strip():
        yield Fault(file, front.count("\n") + 3, "the lesson has no text", "Write it below the front matter")
    if "\x00" in body:
        yield Fault(
            file,
            front.count("\n") + 3 + body[: body.index("\x00")].count("\n"),
            "a NUL character",
            "Remove it",
        )


def _line_of(front: str, key: str) -> int:
    found = re.search(rf"^[ \t]*{re.escape(key)}[ \t]*=", front, re.MULTILINE)
    return front[: found.start()].count("\n") + 2 if found else 1


def _placeholder_faults(source: str, file: str) -> Iterator[Fault]:
    for found in WRITTEN.finditer(source):
        line = source[: found.start()].count("\n") + 1
        if found[1][:1].isdigit():
            if quantity(found[1], Units.BOTH) is None:
                yield Fault(file, line, f"{found[0]} is no quantity", f"Write it like {EXAMPLES}")
        elif found[1] not in AUTHORS:
            meant = closest(found[1])
            hint = f"Did you mean {{{{ {meant} }}}}?" if meant else f"Known are {', '.join(AUTHORS)}"
            yield Fault(file, line, f"{found[0]} is no placeholder", hint)


def _block_faults(lesson: LessonText, front: str, file: str, offset: int) -> Iterator[Fault]:
    """Blocks where none can stand: they would be read as they were written."""
    remedy = "Put it into the text, on a line by itself, with an empty line above and below"
    for key in KEYS:
        for found in WRITTEN.finditer(getattr(lesson, key)):
            if found[1] in AUTHORS and AUTHORS[found[1]].is_block:
                yield Fault(file, _line_of(front, key), f"{found[0]} cannot stand in the {key}", remedy)
    for line, name in misplaced_blocks(lesson.body, Nonces(lesson.body)):
        yield Fault(file, offset + line, f"{{{{ {name} }}}} is a table and needs its own paragraph", remedy)
    for name in blocks_between_words(lesson.text):
        line = _line_of(front, "text")
        yield Fault(file, line, f"{{{{ {name} }}}} is a table and needs its own line", remedy)


def _target_faults(body: str, file: str, offset: int) -> Iterator[Fault]:
    nonces = Nonces(body)
    for target in targets(body, nonces):
        line = offset + target.line
        if target.kind == "image" and not target.text.strip():
            yield Fault(file, line, "an image has no alt text", "Say in the brackets what it shows: ![words](address)")
        if problem := link_problem(target.url, nonces):
            yield Fault(file, line, problem, "Write it in full: https://…")


def link_problem(url: str, nonces: Nonces) -> str | None:
    """Why a link cannot be, or None. Nothing is fetched. Our own pictures have a short address."""
    if ADDRESS.fullmatch(url):
        return None
    if names := nonces.names_in(url):
        return None if nonces.is_address(url) else _misplaced(names)
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return f"the link {url!r} cannot be read"
    if parts.scheme not in SCHEMES:
        return f"the link {url!r} leads nowhere"
    if parts.scheme == "mailto":
        return None if "@" in parts.path else f"the link {url!r} names no address"
    return None if host and "." in host else f"the link {url!r} names no site"


def _misplaced(names: list[str]) -> str:
    wrong = next((name for name in names if not AUTHORS[name].is_url), None)
    if wrong:
        return f"{{{{ {wrong} }}}} is no address that a link could lead to"
    return f"{{{{ {names[0]} }}}} is a whole address: nothing may stand before it, and no other one after it"


def _toml_string(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08X}" for c in escaped) + '"'


def _toml_lines(value: str) -> str:
    """A string over several lines, readable as it is. A line that would end the front matter hides its first plus."""
    escaped = value.replace("\\", "\\\\").replace('"""', '""\\"')
    escaped = "".join(c if c.isprintable() or c in "\n\t" else f"\\U{ord(c):08X}" for c in escaped)
    escaped = re.sub(r"^([ \t]*)\+(\+\+[ \t]*)$", r"\1\\u002B\2", escaped, flags=re.MULTILINE)
    return f'"""\n{escaped}\n"""'

"""Reads the outbox for its viewer. Nothing that lies there makes it raise: what cannot be read is left out."""

import email
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path

from course.core.letter import one_line
from course.mail.outbox import files

LONGEST_HEAD = 64 * 1024  # bytes read of a file for a list
LONGEST_MAIL = 8 * 1024 * 1024  # bytes read of a file to show it


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list. `date` is aware: what the mail says, or else when its file was written."""

    send_id: str
    date: datetime
    to: str
    subject: str


@dataclass(frozen=True, slots=True)
class Opened:
    """One mail. `headers` are decoded, in order, with their repetitions; `source` is what was sent."""

    entry: Entry
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    source: str


def newest(path: Path, limit: int, offset: int = 0) -> list[Entry]:
    """The mails of the outbox at `path`, last written first. Where there is no outbox yet there are none."""
    page = sorted(_written(path), reverse=True)[offset : offset + limit]
    sources = ((seconds, send_id, _source(file, LONGEST_HEAD)) for seconds, send_id, file in page)
    return [_entry(send_id, _parsed(source), seconds) for seconds, send_id, source in sources]


def opened(path: Path, send_id: str) -> Opened | None:
    """The mail of this id, or None. The id is only compared with those that are there, so it may be anything."""
    found = next((one for one in _written(path) if one[1] == send_id), None)
    if found is None:
        return None
    seconds, _, file = found
    source = _source(file, LONGEST_MAIL)
    mail = _parsed(source)
    headers = tuple((name, _decoded(value)) for name, value in mail.items())
    return Opened(_entry(send_id, mail, seconds), headers, _part(mail, "plain"), _part(mail, "html"), source)


def _written(path: Path) -> Iterator[tuple[float, str, Path]]:
    for send_id, file in files(path):
        with suppress(OSError):  # moved or deleted meanwhile
            if file.is_file():
                yield file.stat().st_mtime, send_id, file


def _source(file: Path, longest: int) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(longest).decode("utf-8", "replace")
    except OSError:
        return ""


def _parsed(source: str) -> Message:
    try:
        return email.message_from_string(source)  # the old policy: it reads headers without parsing them
    except RecursionError:  # parts within parts without end
        return Message()


def _entry(send_id: str, mail: Message, seconds: float) -> Entry:
    to, subject = (_decoded(mail.get(name, "")) for name in ("To", "Subject"))
    return Entry(send_id, _date(mail) or datetime.fromtimestamp(seconds, UTC), to, subject)


def _date(mail: Message) -> datetime | None:
    try:
        date = parsedate_to_datetime(str(mail.get("Date", "")))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def _decoded(value: object) -> str:
    try:
        return one_line(str(make_header(decode_header(str(value)))))
    except (MessageError, LookupError, ValueError):
        return one_line(str(value))


def _part(mail: Message, subtype: str) -> str:
    """The first text part of this subtype, "" if there is none."""
    for part in mail.walk():
        content = part.get_payload(decode=True)
        if part.get_content_type() == f"text/{subtype}" and isinstance(content, bytes):
            return _text(content, part.get_content_charset("utf-8"))
    return ""


def _text(content: bytes, charset: str) -> str:
    try:
        return content.decode(charset, "replace").replace("\r\n", "\n")
    except (LookupError, ValueError):  # an encoding that nobody has
        return content.decode("utf-8", "replace")

"""The embedded default: mail goes into a Maildir, where our viewer and any mail program can read it.

A file is named by the send id, so writing a message twice leaves one file, and the look-up is exact.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from course.core.letter import Message
from course.core.outcome import Accepted, Misconfigured, Outcome
from course.mail import mime
from course.mail.provider import Provider, Ready, always

_FILE_NAME = re.compile(r"([0-9a-f]{32})\.eml([:,].*)?")  # a mail program adds its marks behind, in cur/


class Outbox(Provider):
    """`path` is the Maildir, made when it is first needed. `now` gives the Date of a mail."""

    name: ClassVar[str] = "outbox"

    def __init__(self, path: Path, now: Callable[[], datetime]):
        self.settle = timedelta(0)
        self._path = path
        self._now = now

    def build(self, messages: Sequence[Message]) -> bytes:
        """The name of the file on a line, and the mail."""
        [message] = messages
        return f"{_file_name(message.send_id)}\r\n".encode() + mime.mail(message)

    def post(self, body: bytes, key: str, count: int, ready: Ready = always) -> list[Outcome]:
        name, mail = body.split(b"\r\n", 1)
        try:
            self._write(name.decode(), mime.dated(mail, self._now()))
        except OSError as error:  # a full disk, a missing right: waiting does not help
            return [Misconfigured(f"{self._path}: {error.strerror}")]
        return [Accepted()]

    def look_up(self, send_ids: Sequence[str]) -> dict[str, str | None]:
        try:
            there = {send_id for send_id, _ in files(self._path)}
        except OSError:
            return {}
        return {send_id: "" if send_id in there else None for send_id in send_ids}

    def _write(self, name: str, mail: bytes) -> None:
        tmp, new, cur = (self._path / folder for folder in ("tmp", "new", "cur"))
        for folder in (self._path, tmp, new, cur):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(file.name.startswith(name) for _, file in _files_in(cur)):
            return  # a mail program has shown it to somebody and moved it there
        _write_durably(mail, tmp, new / name)


def files(path: Path) -> Iterator[tuple[str, Path]]:
    """The mails in a Maildir with their send ids, in no order; nothing else that lies there."""
    yield from _files_in(path / "new")
    yield from _files_in(path / "cur")


def _file_name(send_id: str) -> str:
    name = f"{send_id}.eml"
    if not _FILE_NAME.fullmatch(name):
        raise ValueError("a send id has 32 hex digits")
    return name


def _files_in(folder: Path) -> Iterator[tuple[str, Path]]:
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        if match := _FILE_NAME.fullmatch(name):
            yield match[1], folder / name


def _write_durably(content: bytes, tmp: Path, target: Path) -> None:
    """The file is there as a whole or not at all, and after that it survives a power cut."""
    handle, draft = tempfile.mkstemp(dir=tmp)  # with the rights 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    except BaseException:
        os.unlink(draft)
        raise
    _sync(target.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""The journal: what this machine sent, kept outside the database, so that a restored backup is noticed and mended.

One text file for each process, in a folder of the installation's own, outside the data folder. A line is added after
the mark's commit and before the provider is called, so a database that does not know a journal's last call is older
than the journal. Lines:

    b <time>                           a worker began
    c <call id> <time> <send id> …     about to be sent
    p <call id> <time> <send id> …     a call that was made before, perhaps by another process, is about to be repeated
    a <call id> <send id> …            accepted
    l <time> <hash> <subscriber>       this person left this course
    r <time>                           a restored database was noticed: what stands above is settled with it
    … ~                                a line that was cut off, and counts for nothing
"""

import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

ROOM = 1_000_000  # bytes; a line has 17 for each message of a call
CUT_OFF = "~"  # ends a line that was not written to its end; what it tells of was not begun
SHORT = 16  # hex digits of a send id: enough to tell them apart, half the size


class Departure(NamedTuple):
    """When somebody left a course, to the second; the hash of their address and the course; and their row."""

    at: datetime
    name: str
    subscriber: int


class Posted(NamedTuple):
    """When a message was last posted, to the second; whether it was surely accepted; and by which call."""

    at: datetime
    accepted: bool
    call: str


@dataclass(frozen=True, slots=True)
class Witness:
    """What the journals of an installation say."""

    last_calls: tuple[str, ...] = ()  # of each journal the newest that was made, and the newest that was repeated
    since: datetime | None = None  # the first line of them all
    sent: dict[str, Posted] = field(default_factory=dict)  # by short send id
    departures: tuple[Departure, ...] = ()

    def posted(self, send_id: str, since: datetime | None) -> Posted | None:
        """What became of a message that was posted since then; None: it was not."""
        found = self.sent.get(send_id[:SHORT])
        return found if found and (since is None or found.at >= since) else None


class Journal:
    """This process's own file, made with its first line. Lines are handed to the system at once, without a sync: a
    power cut that takes them takes the newest commits no further back than they need."""

    def __init__(self, folder: Path, process: str) -> None:
        self.folder = folder
        self._path = folder / f"{process}.journal"

    def make_folder(self) -> None:
        """OSError if nobody could write in it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self.folder))

    def ready(self) -> None:
        """OSError if there is no room for a line now, or no right to add one. Asked before a mark: what is promised
        can be written down."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(_opened(self._path))
        disk = os.statvfs(self.folder)
        if disk.f_blocks and disk.f_bavail * disk.f_frsize < ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))

    def began(self, now: datetime) -> None:
        """This process compared the database with what all journals say."""
        self._add("b", now.isoformat(timespec="seconds"))

    def called(self, call_id: str, now: datetime, send_ids: Iterable[str]) -> None:
        self._add("c", call_id, now.isoformat(timespec="seconds"), *(one[:SHORT] for one in send_ids))

    def repeated(self, call_id: str, now: datetime, send_ids: Iterable[str]) -> None:
        """It may be older than a backup, which knows it and nothing that came after: so it hides no call of ours."""
        self._add("p", call_id, now.isoformat(timespec="seconds"), *(one[:SHORT] for one in send_ids))

    def accepted(self, call_id: str, send_ids: Sequence[str]) -> None:
        if send_ids:
            self._add("a", call_id, *(one[:SHORT] for one in send_ids))

    def left(self, now: datetime, name: str, subscriber: int) -> None:
        self._add("l", now.isoformat(timespec="seconds"), name, str(subscriber))

    def settled(self, now: datetime) -> None:
        """Every journal that is here was compared with a restored database."""
        for path in self.folder.glob("*.journal"):
            _append(path, "r", now.isoformat(timespec="seconds"))

    def read(self) -> Witness:
        """All journals of the installation."""
        return witness(self.folder)

    def _add(self, *words: str) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _append(self._path, *words)


def _append(path: Path, *words: str) -> None:
    handle = _opened(path)
    try:
        size = os.fstat(handle).st_size
        cut_off = size and os.pread(handle, 1, size - 1) != b"\n"  # by a crash, or a full disk
        line = (f" {CUT_OFF}\n" * bool(cut_off) + " ".join(words) + "\n").encode()
        if (wrote := os.write(handle, line)) < len(line):
            raise OSError(errno.ENOSPC, f"only {wrote} of {len(line)} bytes could be written", str(path))
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)


def witness(folder: Path) -> Witness:
    """Reads every journal in a folder; a line that was cut off by a crash is left out."""
    last: dict[tuple[Path, str], str] = {}
    made: dict[str, datetime] = {}
    sent: dict[str, Posted] = {}
    times: list[datetime] = []
    departures: list[Departure] = []
    for path, words in _lines(folder):
        match words:
            case ["c" | "p" as word, call_id, at, *send_ids]:
                made[call_id] = datetime.fromisoformat(at)
                last[path, word] = call_id
                times.append(made[call_id])
                _note(sent, send_ids, Posted(made[call_id], False, call_id))
            case ["a", call_id, *send_ids] if call_id in made:
                _note(sent, send_ids, Posted(made[call_id], True, call_id))
            case ["b", at]:
                times.append(datetime.fromisoformat(at))
            case ["l", at, name, subscriber]:
                departures.append(Departure(datetime.fromisoformat(at), name, int(subscriber)))
            case ["r", _]:
                last = {key: call for key, call in last.items() if key[0] != path}
    return Witness(tuple(last.values()), min(times, default=None), sent, tuple(departures))


def _note(sent: dict[str, Posted], send_ids: Iterable[str], posted: Posted) -> None:
    """The newest of all journals counts."""
    sent |= {one: max(sent.get(one, posted), posted) for one in send_ids}


def _lines(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    for path in sorted(folder.glob("*.journal")):
        for line in path.read_text(errors="replace").splitlines(keepends=True):
            if line.endswith("\n") and not line.endswith(f" {CUT_OFF}\n"):
                yield path, line.split()

"""What was truly taken, one JSON line each, appended to a file before anybody is told of it."""

import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One message that the provider took."""

    at: float  # seconds since 1970
    provider: str
    id: str  # the provider's own
    send_id: str
    to: str = ""
    subject: str = ""
    list_unsubscribe: str = ""
    body_hash: str = ""  # of the message's content
    key: str = ""  # idempotency key of the call
    call: str = ""  # which request it came in
    stream: str = ""
    text: str = ""  # the text part
    unresolved: bool = False  # a "{{" was left in what a person would read


class Ledger:
    """The file, and an index of it by send id. Goes on with what is in the file already."""

    def __init__(self, path: Path, *, indexed: bool = True):
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._lock = threading.Lock()
        self._indexed = indexed
        self._entries: dict[str, list[Entry]] = {}
        self.count = 0
        for entry in read(path):
            self._note(entry)

    def accept(self, entries: Sequence[Entry]) -> None:
        """From here on they are taken, whatever becomes of the answer."""
        lines = "".join(json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in entries)
        with self._lock:
            self._write(lines)
            for entry in entries:
                self._note(entry)

    def accept_blind(self, provider: str, call: str, key: str, send_ids: Sequence[str]) -> None:
        """A whole call in one line, for a bench."""
        line = {"at": time.time(), "provider": provider, "call": call, "key": key, "send_ids": send_ids}
        with self._lock:
            self._write(json.dumps(line) + "\n")
            self.count += len(send_ids)

    def forget(self) -> None:
        """An empty ledger, for the next test."""
        with self._lock:
            os.ftruncate(self._file, 0)
            self._entries.clear()
            self.count = 0

    def find(self, send_id: str) -> list[Entry]:
        with self._lock:
            return list(self._entries.get(send_id, ()))

    def _write(self, lines: str) -> None:
        rest = lines.encode()
        while rest:  # no buffer of ours between the line and the file: a killed provider loses nothing it had said
            rest = rest[os.write(self._file, rest) :]

    def _note(self, entry: Entry) -> None:
        self.count += 1
        if self._indexed:
            self._entries.setdefault(entry.send_id, []).append(entry)


def read(path: Path) -> Iterator[Entry]:
    """The entries of a ledger file, oldest first; a last line that is only half there is left out."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                yield from _entries(json.loads(line))


def _entries(line: dict[str, Any]) -> Iterator[Entry]:
    if "send_ids" not in line:
        yield Entry(**line)
        return
    common = {name: line[name] for name in ("at", "provider", "call", "key")}
    for index, send_id in enumerate(line["send_ids"]):
        yield Entry(id=f"{line['call']}-{index}", send_id=send_id, **common)

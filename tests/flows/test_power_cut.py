"""A power cut after the provider took a mail must not take the mark with it: the system calls show that the sync of
the database's log had returned before the first byte went to the provider. No killed process could show this, since
what a process wrote survives it."""

import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import missing
from tests.fake_provider.waiting import eventually
from tests.flows.conftest import NewProvider, NewSite
from tests.flows.site import DAY

READERS = ["ann@runner.test", "bob@runner.test"]
CALLS = "pwrite64,write,fdatasync,fsync,sendto"
_LINE = re.compile(r"(?P<thread>\d+) +(?P<text>.*)")
Line = tuple[str, str]  # thread, what it called or what returned


@pytest.fixture
def strace() -> str:
    path = shutil.which("strace")
    if path is None:
        missing("strace")
    return str(path)


@pytest.mark.parametrize(("module", "durable"), [("course", True), ("tests.flows.relaxed", False)])
def test_the_mark_is_on_disk_before_the_first_byte(
    module: str, durable: bool, strace: str, new_site: NewSite, new_provider: NewProvider
) -> None:
    fake = new_provider()
    site = new_site(provider="postmark", provider_key="k", provider_url=fake.url)
    site.import_lessons()
    site.import_readers(READERS)
    trace = site.folder / "trace"
    traced = [strace, "-f", "--seccomp-bpf", "-y", "-s", "40", "-e", f"trace={CALLS}", "-o", str(trace)]

    worker = site.start_command([*traced, sys.executable, "-m", module, "worker", "--speed", str(DAY)], "worker")
    eventually(lambda: len(fake.entries()) >= len(READERS), 30)
    os.kill(int(_lines(trace)[0][0]), signal.SIGKILL)  # the worker itself; strace ends with it
    eventually(lambda: worker.poll() is not None)

    marks = list(_marks(_lines(trace)))
    assert marks
    assert all(marks) == durable, marks
    assert any(marks) == durable, marks


def _lines(trace: Path) -> list[Line]:
    found = (_LINE.fullmatch(line) for line in trace.read_text(errors="replace").splitlines())
    return [(line["thread"], line["text"]) for line in found if line]


def _marks(lines: list[Line]) -> Iterator[bool]:
    """For each request to the provider: was what its mark wrote to the database's log synced before?

    A thread that has marked writes a line to the journal, and only then is the provider called, by another thread."""
    noted = [place for place, (_, text) in enumerate(lines) if re.match(r'write\(\d+<.*\.journal>, "c ', text)]
    posts = [place for place, (_, text) in enumerate(lines) if re.match(r'sendto\(\d+<.*>, "POST /', text)]
    for note, post in zip(noted, posts, strict=False):
        assert note < post, "a request without a mark"
        yield _synced(lines[:note], by=lines[note][0])


def _synced(lines: list[Line], by: str) -> bool:
    """After this thread's last write to the log a sync of it began, by whichever thread, and has returned."""
    log = r"\(\d+<.*course\.db-wal>"
    wrote = max(place for place, (one, text) in enumerate(lines) if one == by and re.match(f"pwrite64{log}", text))
    begun = set()
    for thread, text in lines[wrote + 1 :]:
        if re.match(rf"fdatasync{log}\) += 0", text):
            return True
        if re.match(f"fdatasync{log} <unfinished", text):
            begun.add(thread)
        if thread in begun and re.match(r"<\.\.\. fdatasync resumed>\) += 0", text):
            return True
    return False

"""One sync for all who wait for one, and never one that began before they had written."""

import queue
from pathlib import Path
from threading import Event, Thread

import pytest

from course.store.sync import SharedSync

DEADLINE = 20  # seconds


class Disk:
    """Takes its time: each flush goes on when it is told to."""

    def __init__(self) -> None:
        self.begun: queue.Queue[Event] = queue.Queue()

    def flush(self, file: int) -> None:
        go_on = Event()
        self.begun.put(go_on)
        assert go_on.wait(DEADLINE)


@pytest.fixture
def log(tmp_path: Path) -> str:
    (tmp_path / "log").write_bytes(b"")
    return str(tmp_path / "log")


def asking(sync: SharedSync, log: str, threads: int) -> list[Thread]:
    started = [Thread(target=sync, args=(log,), daemon=True) for _ in range(threads)]
    for thread in started:
        thread.start()
    return started


def test_who_comes_while_a_sync_is_under_way_shares_the_next_one(log: str) -> None:
    disk = Disk()
    sync = SharedSync(disk.flush)
    [first] = asking(sync, log, 1)
    one = disk.begun.get(timeout=DEADLINE)
    others = asking(sync, log, 10)
    while sync.asked < 11:
        first.join(0.01)

    one.set()
    first.join(DEADLINE)
    assert not first.is_alive()
    two = disk.begun.get(timeout=DEADLINE)
    assert all(other.is_alive() for other in others), "a sync that began before they wrote is not theirs"

    two.set()
    for other in others:
        other.join(DEADLINE)
    assert not any(other.is_alive() for other in others)
    assert disk.begun.empty()


def test_a_disk_that_fails_is_told_to_each(log: str) -> None:
    def fails(_: int) -> None:
        raise OSError("no such disk")

    sync = SharedSync(fails)
    for _ in range(2):
        with pytest.raises(OSError, match="no such disk"):
            sync(log)


def test_a_log_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        SharedSync()(str(tmp_path / "log"))


def test_the_real_disk_is_asked(log: str) -> None:
    SharedSync()(log)

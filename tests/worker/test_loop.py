"""The worker's clock: a step that fails is told, and does not end the loop."""

import logging
import sqlite3
import time
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import event

from course.store.db import Database
from course.store.migrations import migrate
from course.worker.loop import Loop, Step


def told_by(step: Step, caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    """What the loop logs of a step that fails. It has to be called again after it failed."""
    calls, again = iter(range(10)), Event()

    def counted() -> bool:
        if next(calls):
            again.set()
        return step()

    loop = Loop(time.time, time.monotonic)
    loop.every(0.05, counted, "count")
    loop.start()
    assert again.wait(20)
    loop.stop()
    return caplog.records[0]


def test_a_step_that_fails_is_told_with_where_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> bool:
        raise RuntimeError("the disk is full")

    record = told_by(fails, caplog)
    assert (record.levelname, record.getMessage()) == ("ERROR", "the step 'count' failed")
    assert record.exc_info


def test_a_database_that_others_hold_for_long_is_no_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    database = Database(f"sqlite:///{tmp_path / 'course.db'}")
    migrate(database)
    database.engine.dispose()  # connections from now on wait for 10 ms only

    @event.listens_for(database.engine, "connect")
    def _connect(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA busy_timeout=10")

    def writes() -> bool:
        with database.write():
            return False

    other = sqlite3.connect(tmp_path / "course.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    record = told_by(writes, caplog)
    assert record.levelname == "WARNING"
    assert "the step 'count' waited 30 s for the database in vain" in record.getMessage()
    assert not record.exc_info
    other.execute("COMMIT")
    other.close()
    database.close()


class Clock:
    """A minute goes by whenever it is looked at."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        self.at += 60.0
        return self.at


def test_a_step_that_does_nothing_but_fail_is_trouble_until_it_works() -> None:
    told: list[tuple[str, str]] = []
    heard, fails = Event(), [True]

    def tell(name: str, wrong: str) -> None:
        told.append((name, wrong))
        fails[0] = False
        if not wrong:
            heard.set()

    def step() -> bool:
        if fails[0]:
            raise OSError("the disk is full")
        return False

    loop = Loop(time.time, Clock(), tell)
    loop.every(0.02, step, "lessons")
    loop.start()
    assert heard.wait(20)
    loop.stop()
    assert told == [("lessons", "OSError: the disk is full"), ("lessons", "")]


def test_a_step_that_fails_once_is_no_trouble() -> None:
    told: list[tuple[str, str]] = []
    heard, tries = Event(), iter(range(10))

    def tell(name: str, wrong: str) -> None:
        told.append((name, wrong))
        heard.set()

    def step() -> bool:
        if next(tries) == 0:
            raise OSError("the disk is full")
        return False

    loop = Loop(time.time, time.monotonic, tell)
    loop.every(0.02, step, "lessons")
    loop.start()
    assert heard.wait(20)
    loop.stop()
    assert told == [("lessons", "")], "what an earlier worker may have told is over"


def test_a_step_that_fails_at_every_tick_is_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    tries, enough = iter(range(100)), Event()

    def step() -> bool:
        if next(tries) == 5:
            enough.set()
        raise OSError("the disk is full")

    loop = Loop(time.time, lambda: 7.0, None)
    loop.every(0.02, step, "lessons")
    loop.start()
    assert enough.wait(20)
    loop.stop()
    assert [record.getMessage() for record in caplog.records] == ["the step 'lessons' failed"]


def test_a_clock_that_is_set_back_stops_no_tick() -> None:
    ran, wall = Event(), [time.time()]
    loop = Loop(lambda: wall[0], lambda: 0.0)
    loop.every(7200, lambda: bool(ran.set()), "lessons")
    loop.start()
    wall[0] -= 3600
    assert ran.wait(20)
    loop.stop()


def test_a_machine_that_is_slow_between_two_looks_does_not_seem_to_have_set_its_clock_back() -> None:
    steady = iter([0.0, 60.0])
    assert Loop(lambda: 100.0, lambda: next(steady))._compared() == (40.0, 100.0)

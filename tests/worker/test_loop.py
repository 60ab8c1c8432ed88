"""The worker's clock: a step that fails is told, and does not end the loop."""

import logging
import sqlite3
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

    loop = Loop()
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

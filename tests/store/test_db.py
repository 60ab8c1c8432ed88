"""Transactions: what survives, what is seen, who waits; on both engines."""

import os
import queue
import socket
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError
from sqlalchemy.orm import Session

from course.core.errors import CourseError
from course.store import installation, subscribers
from course.store.db import Database
from course.store.migrations import migrate
from course.store.models import Subscriber, Suppression
from tests import postgres
from tests.flows.site import free_port

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
# Every example writes its own row anew, so that the database may be shared.
shared = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def add(session: Session, key: str, at: datetime = NOW, detail: str = "") -> None:
    session.merge(Suppression(email_key=key, reason="bounce", detail=detail, created_at=at))


def keys(session: Session) -> list[str]:
    return sorted(row.email_key for row in session.query(Suppression))


def in_thread(work: Callable[[], object]) -> "queue.Queue[object]":
    """Starts work that may have to wait; its result, or what it raised, comes in the queue."""
    done: queue.Queue[object] = queue.Queue()

    def run() -> None:
        try:
            done.put(work())
        except Exception as error:
            done.put(error)

    threading.Thread(target=run, daemon=True).start()
    return done


@pytest.mark.parametrize("mode", ["write", "relaxed"])
def test_what_was_written_is_there_for_the_next_transaction(database: Database, mode: str) -> None:
    with getattr(database, mode)() as session:
        add(session, "a")
    with database.read() as session:
        assert keys(session) == ["a"]


@pytest.mark.parametrize("mode", ["write", "relaxed"])
def test_an_error_undoes_all_of_a_transaction(database: Database, mode: str) -> None:
    def failing() -> None:
        with getattr(database, mode)() as session:
            add(session, "a")
            session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    with database.read() as session:
        assert keys(session) == []


def test_an_error_does_not_repeat_what_the_statement_was_given(database: Database) -> None:
    """It is logged, and may become an alarm."""
    with pytest.raises(DBAPIError) as raised, database.write() as session:
        session.execute(text("INSERT INTO nowhere (email) VALUES (:email)"), {"email": "ann@runner.test"})
    assert "nowhere" in str(raised.value)
    assert "ann@runner.test" not in str(raised.value)


def test_write_waits_for_the_disk_and_relaxed_does_not(database: Database) -> None:
    """In any order: connections are used again. That SQLite's log is synced is shown by its system calls, in
    flows/test_power_cut.py; by itself it does not wait."""
    question = "PRAGMA synchronous" if database.is_sqlite else "SHOW synchronous_commit"
    durable, relaxed = (1, 1) if database.is_sqlite else ("on", "off")
    for mode, answer in [("write", durable), ("relaxed", relaxed), ("write", durable), ("relaxed", relaxed)]:
        with getattr(database, mode)() as session:
            assert session.execute(text(question)).scalar_one() == answer, mode


def test_a_write_that_wrote_nothing_leaves_the_disk_alone(database: Database) -> None:
    syncs = []
    for key in ("a", "", "b", "", ""):
        before = database.sync.asked
        with database.write() as session:
            assert len(keys(session)) < 3
            if key:
                add(session, key)
        syncs.append(database.sync.asked - before)
    assert syncs == ([1, 0, 1, 0, 0] if database.is_sqlite else [0] * 5)


def test_a_read_sees_one_snapshot_whatever_is_committed_meanwhile(database: Database) -> None:
    with database.write() as session:
        add(session, "before")
    with database.read() as reading:
        assert keys(reading) == ["before"]
        with database.write() as writing:
            add(writing, "meanwhile")
        assert keys(reading) == ["before"]
    with database.read() as reading:
        assert keys(reading) == ["before", "meanwhile"]


def test_a_read_takes_no_lock_and_waits_for_nobody(database: Database) -> None:
    with database.write() as writing:
        add(writing, "a")
        writing.flush()
        with database.read() as reading:
            assert keys(reading) == []
            # A second writer would have to wait for the first; the read beside it does not.
            assert in_thread(lambda: _read_keys(database)).get(timeout=5) == []


def _read_keys(database: Database) -> list[str]:
    with database.read() as session:
        return keys(session)


def test_a_read_on_postgresql_cannot_write(database: Database) -> None:
    if database.is_sqlite:
        return  # SQLite has no such transaction
    with pytest.raises(DBAPIError, match="read-only"), database.read() as session:
        add(session, "a")


def test_a_second_writer_waits_and_then_sees_what_the_first_one_did(database: Database) -> None:
    """A deferred transaction would fail on SQLite the moment that it writes."""

    def second() -> object:
        with database.write() as session:
            row = installation.get(session, lock=True)
            assert row is not None
            row.speed += 1
            return row.speed

    with database.write() as session:
        installation.create(session, b"k" * 32, NOW)
    with database.write() as session:
        row = installation.get(session, lock=True)
        assert row is not None
        done = in_thread(second)
        with pytest.raises(queue.Empty):
            done.get(timeout=0.2)
        row.speed += 1
    assert done.get(timeout=10) == 3


def test_writers_at_once_lose_nothing(database: Database) -> None:
    with database.write() as session:
        installation.create(session, b"k" * 32, NOW)

    def add_one() -> None:
        for _ in range(5):
            with database.write() as session:
                row = installation.get(session, lock=True)
                assert row is not None
                row.speed += 1

    results = [in_thread(add_one) for _ in range(4)]
    assert [done.get(timeout=30) for done in results] == [None] * 4
    with database.read() as session:
        assert installation.the(session).speed == 21


def test_the_first_start_of_two_processes_makes_one_installation(database: Database) -> None:
    """Both looked and found none; the second to write gets what the first one wrote."""

    def second() -> object:
        with database.write() as session:
            return bytes(installation.create(session, b"2" * 32, NOW).key)

    with database.write() as session:
        assert installation.get(session, lock=True) is None
        first = installation.create(session, b"1" * 32, NOW)
        done = in_thread(second)
        assert first.key == b"1" * 32
    assert done.get(timeout=10) == b"1" * 32


def test_a_foreign_key_to_nothing_is_refused(database: Database) -> None:
    def dangling() -> None:
        with database.write() as session:
            consent = {"kind": "signup", "source": "", "wording": "", "ip": "", "user_agent": "", "note": ""}
            subscribers.add_consents(session, [consent | {"subscriber_id": 404, "course_id": 404, "created_at": NOW}])

    with pytest.raises(IntegrityError):
        dangling()


@shared
@given(
    at=st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.timezones() | st.just(UTC)),
)
@example(at=datetime(2026, 10, 25, 2, 30, tzinfo=timezone(timedelta(hours=2)), fold=1))
@example(at=datetime(2026, 11, 23, 15, 0, 0, 123456, tzinfo=timezone(timedelta(hours=-9, minutes=-30))))
def test_an_instant_comes_back_as_the_same_instant_in_utc(database: Database, at: datetime) -> None:
    with database.write() as session:
        add(session, "a", at)
    with database.read() as session:
        [found] = session.query(Suppression.created_at).one()
        assert found == at.astimezone(UTC)
        assert found.utcoffset() == timedelta(0)
        assert found.tzinfo is UTC
        earlier = at.astimezone(UTC) - timedelta(microseconds=1)
        assert session.query(Suppression).where(Suppression.created_at > earlier).count() == 1
        assert session.query(Suppression).where(Suppression.created_at <= earlier).count() == 0


def test_a_datetime_without_a_zone_is_refused_wherever_it_is_used(database: Database) -> None:
    naive = datetime(2026, 11, 23, 15, 0)

    def stored() -> None:
        with database.write() as session:
            add(session, "a", naive)

    def compared() -> None:
        with database.read() as session:
            session.query(Suppression).where(Suppression.created_at > naive).all()

    for use in (stored, compared):
        with pytest.raises((StatementError, ValueError), match="a naive datetime is no instant"):
            use()


def test_no_instant_is_none(database: Database) -> None:
    with database.write() as session:
        subscribers.find_or_add(session, "A@x.test", "a@x.test", "", "", NOW)
    with database.read() as session:
        assert session.query(Subscriber.confirmed_at).one() == (None,)


@shared
@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40))
def test_any_text_comes_back_as_it_was(database: Database, words: str) -> None:
    with database.write() as session:
        add(session, "a", detail=words)
    with database.read() as session:
        assert session.query(Suppression.detail).one() == (words,)


def test_sqlite_is_set_up_for_many_processes(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a b%20.db'}")
    migrate(database)
    with database.write() as session:
        asked = ("journal_mode", "foreign_keys", "busy_timeout", "cache_size")
        assert [session.execute(text(f"PRAGMA {name}")).scalar_one() for name in asked] == ["wal", 1, 30_000, -16_384]
    database.close()


def test_who_opens_a_new_file_waits_for_whoever_is_at_it(tmp_path: Path) -> None:
    """Of all statements the switch to WAL alone does not wait by itself."""
    other = sqlite3.connect(tmp_path / "new.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database = Database(f"sqlite:///{tmp_path / 'new.db'}")
    done = in_thread(lambda: migrate(database))
    with pytest.raises(queue.Empty):
        done.get(timeout=0.2)
    other.execute("COMMIT")
    assert done.get(timeout=10) is None
    database.close()
    other.close()


def test_the_plain_name_of_postgresql_means_the_driver_that_comes_with_the_course() -> None:
    database = Database("postgresql://me@host/name")
    assert (database.engine.driver, database.is_sqlite) == ("psycopg", False)
    database.close()


@pytest.mark.parametrize("url", ["", "course.db", "postgresql+psycopg://me@host:many/name"])
def test_an_address_that_is_none_is_refused_with_words(url: str) -> None:
    with pytest.raises(CourseError, match="COURSE_DATABASE_URL cannot be read"):
        Database(url)


def test_each_side_of_a_connection_to_postgresql_notices_that_the_other_is_gone(cluster: postgres.Cluster) -> None:
    """Within a minute, not in two hours: who waits for an answer, and who keeps locks for a machine without power. An
    address may say otherwise for its own side."""
    binaries, port = postgres.find(), free_port()
    assert binaries
    with postgres.running(binaries, listen_addresses="127.0.0.1", port=str(port)):
        url = f"postgresql://{postgres.OWNER}@127.0.0.1:{port}/postgres"
        assert keepalive(url) == {"worker": [30, 10, 3, 60_000], "server": [30, 10, 3, 60_000]}
        assert keepalive(f"{url}?keepalives_idle=7")["worker"] == [7, 10, 3, 60_000]


def keepalive(url: str) -> dict[str, list[int]]:
    names = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "tcp_user_timeout")
    options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
    with closing(Database(url)) as database, database.read() as session:
        driver: Any = session.connection().connection.driver_connection
        with socket.socket(fileno=os.dup(driver.fileno())) as line:
            worker = [line.getsockopt(socket.IPPROTO_TCP, option) for option in options]
        query = "SELECT setting FROM pg_settings WHERE name = :name"
        server = [int(session.execute(text(query), {"name": name}).scalar_one()) for name in names]
    return {"worker": worker, "server": server}

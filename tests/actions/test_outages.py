"""A provider that does not answer, a disk that is full, a database that is away: what is known stays known, what never
left goes once, and somebody hears of it."""

import errno
import resource
import shutil
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from course.actions import lanes
from course.core.outcome import Accepted, Misconfigured, Outcome, Refused, Uncertain, Unreachable
from course.core.status import Sent
from course.store import alarms
from course.store.db import Database
from course.store.models import Delivery, Lane
from tests.factories import World
from tests.providers import Ledger, Searchable, accept

SILENCE = Uncertain("no answer")
CLOSED = Unreachable("nobody is there")


@pytest.fixture
def ledger(database: Database, tmp_path: Path) -> Iterator[World]:
    world = World(database, tmp_path / "outbox", Ledger())
    yield world
    world.close()


def provider(world: World) -> Ledger:
    assert isinstance(world.provider, Ledger)
    return world.provider


def answer(world: World, outcome: Outcome) -> None:
    """The provider takes nothing, and says this of each message."""
    provider(world).answer = lambda send_ids: [outcome] * len(send_ids)


def readers(world: World, count: int) -> None:
    """Whose first lesson is due; their confirmations went."""
    for number in range(count):
        world.enroll(f"r{number}@runner.test")
    while world.sender.step("confirm"):
        pass
    provider(world).taken.clear()
    provider(world).calls.clear()


def states(world: World) -> Counter[str]:
    with world.database.read() as session:
        return Counter(session.scalars(select(Delivery.state).where(Delivery.kind == "lesson")))


def failures(world: World) -> int:
    with world.database.read() as session:
        return session.scalar(select(Lane.failures)) or 0


def ringing(world: World) -> list[str]:
    with world.database.read() as session:
        return [alarm.key for alarm in alarms.ringing(session)]


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """As a disk that is full is to this process."""
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))


# The provider


def test_a_provider_that_does_not_answer_is_asked_less_and_less(ledger: World) -> None:
    """Six hours of 503 make a few unknown, and ring an alarm; the others go in the hour after."""
    readers(ledger, 200)
    answer(ledger, SILENCE)
    for _ in range(6 * 60):
        ledger.drain()
        ledger.go(minutes=1)
    unknown = states(ledger)[Sent.UNKNOWN]
    assert 32 < unknown < 32 + 100  # the first call, and then one at a time, five minutes apart on the average
    assert states(ledger).keys() == {Sent.UNKNOWN}
    assert ringing(ledger) == ["lane:ledger:test"]
    provider(ledger).answer = accept
    for _ in range(60):
        ledger.drain()
        ledger.go(minutes=1)
    assert states(ledger) == {Sent.UNKNOWN: unknown, Sent.ACCEPTED: 200 - unknown}
    assert ringing(ledger) == []


def test_a_503_that_says_for_how_long_is_believed(ledger: World) -> None:
    readers(ledger, 40)
    answer(ledger, Uncertain("503", after=3000.0))
    for _ in range(49):
        ledger.drain()
        ledger.go(minutes=1)
    assert len(provider(ledger).calls) == 8, "the first 32, in calls of 4"
    ledger.go(minutes=2)
    ledger.drain()
    assert len(provider(ledger).calls) == 9


def test_that_a_look_up_finds_nothing_says_nothing_of_the_lane(database: Database, tmp_path: Path) -> None:
    world = World(database, tmp_path / "outbox", Searchable())
    readers(world, 1)
    answer(world, SILENCE)
    world.drain()
    assert failures(world) == 1
    provider(world).answer = accept
    for _ in range(3):
        world.go(minutes=5)
        world.sender.settle()
    assert failures(world) == 1
    world.close()


def test_an_adapter_that_stumbles_over_a_look_up_leaves_the_call_unknown(database: Database, tmp_path: Path) -> None:
    class Stumbling(Searchable):
        def look_up(self, send_ids: Any) -> Any:
            raise RuntimeError("an answer that nobody expected")

    world = World(database, tmp_path / "outbox", Stumbling())
    readers(world, 1)
    answer(world, SILENCE)
    world.drain()
    for _ in range(8):
        world.go(hours=12)
        world.sender.settle()
    assert "unknown" in ringing(world), "after three days a coach hears of it, as of any other"
    world.close()


@pytest.mark.parametrize(
    "about_it", [Refused("no such mailbox", "recipient"), Unreachable("greylisted", scope="message")]
)
def test_a_probe_that_is_answered_is_followed_by_the_next_at_once(ledger: World, about_it: Outcome) -> None:
    """One bad address after an outage does not hold up the others for a lease."""
    readers(ledger, 2)
    answer(ledger, CLOSED)
    ledger.sender.step("lesson")
    ledger.go(minutes=1)
    provider(ledger).answer = lambda _: [about_it]
    ledger.sender.step("lesson")
    provider(ledger).answer = accept
    ledger.sender.step("lesson")
    assert len(provider(ledger).taken) == 1
    assert failures(ledger) == 0


def test_a_probe_without_an_answer_waits_as_long_as_any_other_trouble(ledger: World) -> None:
    readers(ledger, 2)
    answer(ledger, CLOSED)
    ledger.sender.step("lesson")
    ledger.go(minutes=1)
    answer(ledger, SILENCE)
    ledger.sender.step("lesson")
    assert failures(ledger) == 2
    provider(ledger).answer = accept
    assert not ledger.sender.step("lesson")
    ledger.go(minutes=2)
    ledger.sender.step("lesson")
    assert len(provider(ledger).taken) == 1


def test_what_is_refused_like_an_account_but_stops_nobody_else_is_that_message_alone(ledger: World) -> None:
    """An address that is not relayed to: no alarm, and in the end a dead letter with the reason."""
    readers(ledger, 4)
    bad: list[str] = []

    def one_is_bad(send_ids: list[str]) -> list[Outcome]:
        bad[:] = bad or send_ids[:1]
        return [Misconfigured("unable to relay") if one in bad else Accepted() for one in send_ids]

    provider(ledger).answer = one_is_bad
    ledger.sender.step("lesson")
    assert (failures(ledger), ringing(ledger)) == (0, [])
    assert states(ledger) == {Sent.ACCEPTED: 3, Sent.QUEUED: 1}


def test_a_message_that_closes_the_lane_whenever_it_is_tried_keeps_nobody_waiting(ledger: World) -> None:
    readers(ledger, 1)
    answer(ledger, Misconfigured("unable to relay"))
    ledger.sender.step("lesson")
    [[bad]] = provider(ledger).calls
    for number in range(1, 4):
        ledger.enroll(f"r{number}@runner.test")
    provider(ledger).answer = lambda ids: [Misconfigured("unable to relay") if i == bad else Accepted() for i in ids]
    ledger.go(minutes=1)
    while ledger.sender.step("lesson"):
        pass
    assert states(ledger) == {Sent.ACCEPTED: 3, Sent.QUEUED: 1}
    assert (failures(ledger), ringing(ledger)) == (0, [])


# The journal


def in_the_way(world: World) -> None:
    """The journal's folder cannot be made."""
    shutil.rmtree(world.journal.folder, ignore_errors=True)
    world.journal.folder.write_text("")


def test_what_cannot_be_written_down_is_not_promised(ledger: World) -> None:
    readers(ledger, 40)
    in_the_way(ledger)
    for _ in range(5):
        with pytest.raises(OSError, match="exists"):
            ledger.sender.step("lesson")
    with pytest.raises(OSError, match="exists"):
        ledger.sender.settle()
    assert not states(ledger)
    ledger.journal.folder.unlink()
    ledger.drain()
    assert states(ledger) == {Sent.ACCEPTED: 40}


def test_a_disk_that_fills_up_after_the_mark_puts_everything_back(ledger: World) -> None:
    readers(ledger, 40)
    ledger.sender.point = lambda point: in_the_way(ledger) if point == "marked" else None
    with pytest.raises(OSError, match="exists"):
        ledger.sender.step("lesson")
    assert states(ledger) == {Sent.QUEUED: 32}
    assert (provider(ledger).calls, failures(ledger)) == ([], 0)
    with ledger.database.read() as session:
        assert set(session.scalars(select(Delivery.attempts).where(Delivery.kind == "lesson"))) == {0}
    ledger.journal.folder.unlink()
    ledger.sender.point = lambda _: None
    ledger.go(minutes=1)
    ledger.drain()
    assert states(ledger) == {Sent.ACCEPTED: 40}
    assert len(provider(ledger).taken) == len(set(provider(ledger).taken)) == 40


def test_a_disk_that_fills_up_while_the_provider_answers_loses_no_answer(ledger: World) -> None:
    readers(ledger, 4)
    ledger.sender.point = lambda point: in_the_way(ledger) if point == "answered" else None
    assert ledger.sender.step("lesson")
    assert states(ledger) == {Sent.ACCEPTED: 4}


def test_a_full_disk_is_noticed_before_the_mark(ledger: World, monkeypatch: pytest.MonkeyPatch) -> None:
    readers(ledger, 1)
    monkeypatch.setattr("course.store.journal.ROOM", 1 << 70)  # bytes that no disk has
    with pytest.raises(OSError, match=r".") as raised:
        ledger.sender.step("lesson")
    assert raised.value.errno == errno.ENOSPC
    assert not states(ledger)


def test_a_line_that_was_cut_off_spoils_no_other(ledger: World) -> None:
    readers(ledger, 1)
    ledger.sender.step("lesson")
    known = ledger.journal.read()
    [path] = ledger.journal.folder.glob("*.journal")
    path.write_text(path.read_text() + "c abcdef 2026-11-2")  # a process died here, or the disk was full
    ledger.journal.called("e" * 32, ledger.machine, ["7" * 32])
    assert ledger.journal.read().last_calls == ("e" * 32,)
    assert ledger.journal.read().sent.keys() == {*known.sent, "7" * 16}


def test_a_line_of_which_the_disk_took_a_part_is_no_promise(ledger: World) -> None:
    readers(ledger, 4)
    [path] = ledger.journal.folder.glob("*.journal")
    room = path.stat().st_size + 20
    with no_file_longer_than(room), pytest.raises(OSError, match=r"only 20 of \d+ bytes could be written"):
        ledger.journal.called("f" * 32, ledger.machine, ["7" * 32])
    assert "f" * 32 not in ledger.journal.read().last_calls
    ledger.drain()
    assert states(ledger) == {Sent.ACCEPTED: 4}


def test_trouble_of_an_account_is_over_when_mail_goes_through_another_one(ledger: World) -> None:
    readers(ledger, 2)
    answer(ledger, Misconfigured("bad key"))
    ledger.drain()
    assert ringing(ledger) == ["lane:ledger:test"]
    with ledger.database.write() as session:
        lanes.leave_others(session, "ledger", "test", ledger.machine)
    assert (failures(ledger), ringing(ledger)) == (1, ["lane:ledger:test"])
    with ledger.database.write() as session:
        lanes.leave_others(session, "ledger", "another", ledger.machine)
    assert (failures(ledger), ringing(ledger)) == (0, [])


# The database


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_an_answer_waits_for_a_database_that_is_away(ledger: World) -> None:
    """It goes while the provider answers, and lets nobody in for some seconds."""
    readers(ledger, 4)
    rested: list[float] = []
    url, name = ledger.database.url, ledger.database.url.database
    server = url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)

    def lets_in(anybody: bool) -> None:
        with psycopg.connect(server, autocommit=True) as other:
            other.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {anybody}')
            if not anybody:
                other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

    def rest(seconds: float) -> None:
        rested.append(seconds)
        if len(rested) == 3:
            lets_in(True)

    ledger.sender.point = lambda point: lets_in(False) if point == "answered" else None
    ledger.sender.rest = rest
    ledger.sender.step("lesson")
    assert states(ledger) == {Sent.ACCEPTED: 4}
    assert rested == [1, 2, 4]


def test_a_database_that_stays_away_is_waited_for_until_others_may_take_the_call_up(ledger: World) -> None:
    readers(ledger, 4)
    clock, rested = [0.0], list[float]()

    def rest(seconds: float) -> None:
        rested.append(seconds)
        clock[0] += seconds

    ledger.sender = ledger.new_sender(lease=timedelta(seconds=15))
    ledger.sender.awake, ledger.sender.rest = lambda: clock[0], rest

    def away(point: str) -> None:
        if point == "answered":
            with ledger.database.write() as session:
                session.execute(text("ALTER TABLE delivery RENAME TO elsewhere"))

    ledger.sender.point = away
    try:
        with pytest.raises(Exception, match=r"delivery"):
            ledger.sender.step("lesson")
    finally:
        with ledger.database.write() as session:
            session.execute(text("ALTER TABLE elsewhere RENAME TO delivery"))
    assert rested in ([1, 2, 4], [])  # PostgreSQL says that the mistake is ours, and then nothing is waited for
    assert states(ledger)[Sent.SENDING] == 4


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_that_has_no_room_for_the_mark_sends_nothing(ledger: World) -> None:
    readers(ledger, 40)
    for _ in range(3):
        with no_file_longer_than(8192), pytest.raises(OperationalError):
            ledger.sender.step("lesson")
    assert (states(ledger), provider(ledger).calls) == ({}, [])
    ledger.drain()
    assert states(ledger) == {Sent.ACCEPTED: 40}
    assert len(provider(ledger).taken) == len(set(provider(ledger).taken)) == 40


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_answer_waits_for_room_in_the_database(ledger: World) -> None:
    """The journal's lines are short, and had room."""
    readers(ledger, 4)
    rested: list[float] = []
    with ExitStack() as full:

        def rest(seconds: float) -> None:
            rested.append(seconds)
            if len(rested) == 3:
                full.close()

        ledger.sender.rest = rest
        ledger.sender.point = lambda point: (
            full.enter_context(no_file_longer_than(8192)) if point == "answered" else None
        )
        ledger.sender.step("lesson")
    assert states(ledger) == {Sent.ACCEPTED: 4}
    assert rested == [1, 2, 4]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_to_wait_for_ones_turn_to_write_is_not_to_be_held_up(ledger: World) -> None:
    """The lease begins with the transaction, and so does the patience with it."""
    readers(ledger, 1)
    other = sqlite3.connect(str(ledger.database.url.database), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    ledger.sender = ledger.new_sender(lease=timedelta(seconds=0.6))
    ledger.sender.awake = time.monotonic
    timer = threading.Timer(0.5, other.execute, ["COMMIT"])
    timer.start()
    ledger.sender.step("lesson")
    timer.join()
    other.close()
    assert states(ledger) == {Sent.ACCEPTED: 1}

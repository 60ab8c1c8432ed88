"""What the mark, the call and the record look at once more, at the last moment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError

from course.actions import lesson_import, marking, mending, recording, signup
from course.core.outcome import Accepted, Refused, Uncertain, Unreachable
from course.core.status import Sent, Suppressed
from course.store import alarms, deliveries, enrollments, installation, subscribers
from course.store.db import Database
from course.store.models import Delivery
from tests.factories import KEY, START, World, files
from tests.providers import Ledger, accept


@pytest.fixture
def ledger(database: Database, tmp_path: Any) -> Any:
    world = World(database, tmp_path / "outbox", Ledger())
    yield world
    world.close()


def taken(world: World) -> list[str]:
    assert isinstance(world.provider, Ledger)
    return world.provider.taken


def answer(world: World, *outcomes: Any) -> None:
    """The provider takes nothing and says this."""
    assert isinstance(world.provider, Ledger)
    world.provider.answer = lambda send_ids: list(outcomes) * len(send_ids)


def lesson_2_is_due(world: World) -> int:
    """The enrollment of somebody who has lesson 1; confirmation and lesson are taken."""
    enrollment = world.enroll()
    world.drain()
    world.go(days=3)
    assert len(taken(world)) == 2
    return enrollment


def newest(world: World) -> Delivery:
    with world.database.read() as session:
        return deliveries.of_subscriber(session, 1)[0]


def suppress(world: World) -> None:
    """As another course, or an import, may do it: the enrollment itself knows nothing of it."""
    with world.database.write() as session:
        subscribers.suppress(session, "ann@runner.test", Suppressed.BOUNCE, "no such user", world.machine)


def test_a_suppressed_address_gets_no_lesson_that_is_due(ledger: World) -> None:
    lesson_2_is_due(ledger)
    suppress(ledger)
    ledger.drain()
    assert len(taken(ledger)) == 2


@pytest.mark.parametrize("why", ["suppressed", "left"])
def test_a_lesson_that_was_put_back_is_cancelled_for_who_may_not_get_it_any_more(ledger: World, why: str) -> None:
    enrollment = lesson_2_is_due(ledger)
    answer(ledger, Unreachable("later", scope="message"))
    ledger.drain()
    assert newest(ledger).state == Sent.QUEUED
    if why == "suppressed":
        suppress(ledger)
    else:
        with ledger.database.write() as session:
            signup.leave(session, enrollments.the(session, enrollment), signup.Origin(), now=ledger.machine)
    ledger.provider = Ledger()
    ledger.sender = ledger.new_sender()
    ledger.go(hours=1)
    ledger.drain()
    assert taken(ledger) == []
    assert newest(ledger).state == Sent.CANCELLED


def test_nothing_goes_to_a_reader_who_pauses_though_it_is_due(ledger: World) -> None:
    enrollment = lesson_2_is_due(ledger)
    with ledger.database.write() as session:
        enrollments.the(session, enrollment).paused_until = ledger.course + timedelta(days=2)
    ledger.drain()
    assert len(taken(ledger)) == 2
    ledger.live(3)
    assert len(taken(ledger)) == 3


@pytest.mark.parametrize("another", [True, False])
def test_nothing_goes_while_the_course_is_paused(ledger: World, another: bool) -> None:
    """Whether or not there is one that goes on."""
    lesson_2_is_due(ledger)
    with ledger.database.write() as session:
        if another:
            lesson_import.import_course(session, files("walking"), START, START)
        ledger.the_course(session).paused_at = ledger.machine
    ledger.drain()
    assert len(taken(ledger)) == 2


@pytest.mark.parametrize("another", [True, False])
def test_a_lesson_that_was_put_back_waits_while_the_course_is_paused(ledger: World, another: bool) -> None:
    lesson_2_is_due(ledger)
    provider = ledger.provider
    assert isinstance(provider, Ledger)
    provider.answer = lambda ids: [Unreachable("450 later", scope="message") for _ in ids]
    ledger.drain()
    provider.answer = accept
    with ledger.database.write() as session:
        if another:
            lesson_import.import_course(session, files("walking"), START, START)
        ledger.the_course(session).paused_at = ledger.machine
    calls = len(provider.calls)
    for _ in range(3):
        ledger.go(minutes=20)
        ledger.drain()
    assert len(provider.calls) == calls
    with ledger.database.write() as session:
        ledger.the_course(session).paused_at = None
    ledger.drain()
    assert len(taken(ledger)) == 3


def test_a_lesson_is_promised_once(ledger: World) -> None:
    lesson_2_is_due(ledger)
    ledger.drain()
    row = newest(ledger)
    names = ("kind", "subscriber_id", "course_id", "enrollment_id", "lesson_id", "copy", "state", "attempts")
    again = {name: getattr(row, name) for name in names} | {"created_at": ledger.machine}
    with pytest.raises(IntegrityError), ledger.database.write() as session:
        session.execute(insert(Delivery).values(again))


@pytest.mark.parametrize("late", [Unreachable("no road"), Refused("no such user", "recipient"), Uncertain("silence")])
def test_who_answers_late_changes_nothing_that_was_settled_meanwhile(ledger: World, late: Any) -> None:
    """The fence: a delivery that went on with another call, or is settled, is no business of the first one."""
    lesson_2_is_due(ledger)
    answer(ledger, Unreachable("later", scope="message"))
    ledger.drain()
    first = newest(ledger)
    answer(ledger, Accepted("1"))
    ledger.go(hours=1)
    ledger.drain()
    assert newest(ledger).state == Sent.ACCEPTED
    assert first.call_id
    with ledger.database.write() as session:
        now = (ledger.machine, ledger.sender.backoff)
        recording.record(session, first.call_id, [first.id], [late], *now)
        recording.record(session, first.call_id, [first.id], [late], *now, settling=True)
        recording.record(session, newest(ledger).call_id or "", [first.id], [late], *now)
    assert newest(ledger).state == Sent.ACCEPTED


class Keyed(Ledger):
    name: ClassVar[str] = "keyed"
    honours_keys: ClassVar[bool] = True


def test_a_late_no_proves_nothing_once_another_worker_may_have_posted_the_same_call(ledger: World) -> None:
    lesson_2_is_due(ledger)
    ledger.provider = Keyed()
    ledger.sender, late = ledger.new_sender(), []

    def meanwhile(point: str) -> None:
        if point == "answered":  # this worker heard that nobody was there, and then stood still
            ledger.go(minutes=11)
            answer(ledger, Uncertain("silence"))
            late.append(ledger.new_sender().settle())

    answer(ledger, Unreachable("nobody is there"))
    ledger.sender.point = meanwhile
    ledger.sender.step("lesson")
    assert late == [True]
    assert newest(ledger).state == Sent.UNKNOWN


class Died(BaseException):
    """The worker is gone."""


def die(_: str) -> None:
    raise Died


def test_the_gap_to_the_next_lesson_counts_from_the_replay(ledger: World) -> None:
    """It may be what the provider took first."""
    enrollment = lesson_2_is_due(ledger)
    ledger.provider = Keyed()
    ledger.sender = ledger.new_sender()
    ledger.sender.point = die
    with pytest.raises(Died):
        ledger.sender.step("lesson")
    planned = ledger.enrollment(enrollment).due_at
    ledger.go(hours=22)  # the next morning
    assert ledger.new_sender().settle()
    assert len(taken(ledger)) == 1
    assert planned
    assert ledger.enrollment(enrollment).due_at == planned + timedelta(days=1)


def test_a_call_that_went_through_another_account_is_not_made_again_in_this_one(ledger: World) -> None:
    lesson_2_is_due(ledger)
    ledger.provider = Keyed()
    ledger.sender = ledger.new_sender()
    ledger.sender.point = lambda point: die(point) if point == "answered" else None
    with pytest.raises(Died):
        ledger.sender.step("lesson")
    assert len(taken(ledger)) == 1
    ledger.provider = Keyed()
    ledger.go(minutes=11)
    assert ledger.new_sender(account="another").settle()
    assert taken(ledger) == []
    assert newest(ledger).state == Sent.UNKNOWN


def test_a_worker_that_stood_still_after_the_mark_does_not_post(ledger: World) -> None:
    lesson_2_is_due(ledger)
    clock = iter([0.0, 60.0, 60.0])
    ledger.sender.awake = lambda: next(clock)
    ledger.sender.step("lesson")
    assert len(taken(ledger)) == 2
    assert newest(ledger).state == Sent.QUEUED


def test_a_worker_that_stood_still_while_it_posts_does_not_end_the_request(ledger: World) -> None:
    lesson_2_is_due(ledger)
    clock = iter([0.0, 1.0, 3600.0])
    ledger.sender.awake = lambda: next(clock)
    ledger.sender.step("lesson")
    assert len(taken(ledger)) == 2
    assert newest(ledger).state == Sent.QUEUED


def test_a_call_that_is_under_way_is_left_to_its_worker(ledger: World) -> None:
    lesson_2_is_due(ledger)
    looks = []
    other = ledger.new_sender()
    ledger.sender.point = lambda _: looks.append(other.settle())
    ledger.drain()
    assert looks
    assert not any(looks)
    assert newest(ledger).state == Sent.ACCEPTED


def test_a_reader_who_was_forgotten_is_planned_again_and_nobody_else(ledger: World) -> None:
    reader = lesson_2_is_due(ledger)
    planned = ledger.enrollment(reader).due_at
    with ledger.database.write() as session:
        enrollments.hold(session, [reader])
    assert ledger.sender.look_after() is False
    assert ledger.enrollment(reader).due_at == planned
    with ledger.database.read() as session:
        assert [alarm.key for alarm in alarms.ringing(session)] == ["forgotten"]
    answer(ledger, Uncertain("?"))
    ledger.drain()
    ledger.sender.look_after()
    assert ledger.enrollment(reader).due_at is None  # lesson 2 is not settled, so this one is not forgotten
    with ledger.database.read() as session:
        assert alarms.ringing(session) == []


def test_a_writer_of_another_process_waits_for_its_turn_and_then_reads(database: Database) -> None:
    """Threads of one process stand in line anyway; the lock that counts is the database's own."""
    with database.write() as session:
        installation.create(session, KEY, START)
    other = Database(database.url.render_as_string(hide_password=False))

    def add_one() -> int:
        with other.write() as session:
            row = installation.get(session, lock=True)
            assert row is not None
            row.speed += 1
            return row.speed

    with ThreadPoolExecutor(1) as pool:
        with database.write() as session:
            row = installation.get(session, lock=True)
            assert row is not None
            answer = pool.submit(add_one)
            with pytest.raises(TimeoutError):
                answer.result(timeout=0.3)
            row.speed += 1
        assert answer.result(timeout=20) == 3
    other.close()


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_workers_that_mark_at_once_pass_each_other_by(ledger: World) -> None:
    ledger.drain()  # the lane has its row from now on
    for name in ("ann", "bob"):
        ledger.enroll(f"{name}@runner.test")
    sending, now = ledger.sender.sending, ledger.now()
    with ledger.database.write() as one, ledger.database.write() as two:
        two.execute(text("SET LOCAL lock_timeout = '2s'"))
        for kind in ("confirm", "lesson"):
            marked = marking.mark(sending, one, kind, now)  # type: ignore[arg-type]
            assert marked is not None
            assert len(marked.members) == 2
            assert marking.mark(sending, two, kind, now) is None  # type: ignore[arg-type]


def test_lessons_of_one_reader_that_were_put_back_together_go_one_at_a_time_and_in_order(ledger: World) -> None:
    """As after a restore, where several were in doubt."""
    reader = lesson_2_is_due(ledger)
    for _ in range(2):
        ledger.drain()
        ledger.go(days=4)
    with ledger.database.write() as session:
        rows = [row for row in deliveries.of_subscriber(session, 1) if row.lesson_id][:2]
        for place, row in enumerate(rows):  # the later lesson would be first
            row.state, row.not_before = Sent.QUEUED, ledger.machine + timedelta(minutes=place)
        lessons = [row.lesson_id for row in rows]
        enrollments.save_plans(session, [{"key": reader, "due_at": None}])
    ledger.go(minutes=5)
    answer(ledger, Uncertain("nobody knows"))
    ledger.drain()
    assert {row.lesson_id: row.state for row in open_rows(ledger)} == {
        lessons[0]: Sent.QUEUED,
        lessons[1]: Sent.UNKNOWN,
    }
    assert ledger.enrollment(reader).due_at is None
    answer(ledger, Accepted())
    ledger.go(minutes=20)
    ledger.drain()
    assert len(open_rows(ledger)) == 2, "the other one is still in doubt"
    with ledger.database.write() as session:
        [unknown] = [row.id for row in open_rows(ledger) if row.state == Sent.UNKNOWN]
        mending.arrived(session, unknown, ledger.machine)
    ledger.drain()
    assert open_rows(ledger) == [], "it goes as soon as the way is free"


def test_a_lesson_that_waits_for_one_on_its_way_is_looked_at_again_when_the_lease_of_that_is_over(
    ledger: World,
) -> None:
    reader = lesson_2_is_due(ledger)
    ledger.drain()
    ledger.go(days=4)
    ledger.drain()
    with ledger.database.write() as session:
        first, second = [row for row in reversed(deliveries.of_subscriber(session, 1)) if row.lesson_id][:2]
        first.state = Sent.SENDING
        second.state, second.not_before = Sent.QUEUED, ledger.machine
        enrollments.save_plans(session, [{"key": reader, "due_at": None}])
    ledger.drain()
    assert [row.state for row in open_rows(ledger)] == [Sent.QUEUED, Sent.SENDING]
    with ledger.database.write() as session:  # its worker tells, as every day, and releases nobody
        deliveries.set_state(session, [first.id], Sent.ACCEPTED)
    ledger.go(minutes=ledger.sender.sending.lease.total_seconds() / 60)
    ledger.drain()
    assert open_rows(ledger) == []


def open_rows(world: World) -> list[Delivery]:
    with world.database.read() as session:
        rows = deliveries.of_subscriber(session, 1)
        return [row for row in rows if row.state in {Sent.QUEUED, Sent.SENDING, Sent.UNKNOWN}]

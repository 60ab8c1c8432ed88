"""Whatever cannot be proven is unknown, climbs one ladder, and is never sent again in silence."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from course.actions import mending, signup
from course.core.outcome import Accepted, Misconfigured, Outcome, Refused, Uncertain, Unreachable
from course.core.status import Suppressed
from course.mail.provider import Provider, Ready, always
from course.store import alarms, deliveries, enrollments, subscribers
from course.store.db import Database
from course.store.models import Course, Delivery, Enrollment, Revision
from tests.factories import World
from tests.providers import Ledger, Searchable, accept


@dataclass
class Keyed(Ledger):
    """Honours keys as Resend does: same bytes, the stored answer; other bytes, a refusal that says so."""

    name: ClassVar[str] = "keyed"
    honours_keys: ClassVar[bool] = True
    stored: dict[str, bytes] = field(default_factory=dict)

    def post(self, body: bytes, key: str, count: int, ready: Ready = always) -> list[Outcome]:
        if self.stored.get(key, body) != body:
            return [Uncertain("other bytes", key_taken=True)] * count
        if key in self.stored:
            return [Accepted() for _ in range(count)]
        outcomes = super().post(body, key, count, ready)
        if body.decode().split()[0] in self.taken:
            self.stored[key] = body
        return outcomes

    def without(self, body: bytes, places: Any) -> bytes:
        return b" ".join(one for place, one in enumerate(body.split()) if place not in places)


def worlds(database: Database, tmp_path: Any, provider: Provider) -> Iterator[World]:
    world = World(database, tmp_path / "outbox", provider)
    yield world
    world.close()


@pytest.fixture
def ledger(database: Database, tmp_path: Any) -> Iterator[World]:
    yield from worlds(database, tmp_path, Ledger())


@pytest.fixture
def searchable(database: Database, tmp_path: Any) -> Iterator[World]:
    yield from worlds(database, tmp_path, Searchable())


@pytest.fixture
def keyed(database: Database, tmp_path: Any) -> Iterator[World]:
    yield from worlds(database, tmp_path, Keyed())


def taken(world: World) -> list[str]:
    assert isinstance(world.provider, Ledger)
    return world.provider.taken


def lose_answers(world: World, *, after_accepting: bool) -> None:
    """From now on the provider takes everything, or nothing, and says neither."""
    provider = world.provider
    assert isinstance(provider, Ledger)

    def answer(send_ids: list[str]) -> list[Outcome]:
        if after_accepting:
            provider.taken += send_ids
        return [Uncertain("no answer") for _ in send_ids]

    provider.answer = answer


def answer_again(world: World) -> None:
    assert isinstance(world.provider, Ledger)
    world.provider.answer = accept


def settle(world: World) -> None:
    while world.sender.settle():
        pass


def states(world: World) -> list[str]:
    with world.database.read() as session:
        return [str(row.state) for row in deliveries.of_subscriber(session, 1)][::-1]


def a_reader(world: World) -> int:
    """Somebody who has lesson 1."""
    enrollment = world.enroll()
    world.drain()
    return enrollment


def to_lesson_2(world: World) -> None:
    world.go(days=2, hours=22)
    world.drain()


@pytest.mark.parametrize("went", [True, False])
def test_the_look_up_tells_what_went(searchable: World, went: bool) -> None:
    world = searchable
    a_reader(world)
    lose_answers(world, after_accepting=went)
    to_lesson_2(world)
    assert states(world)[-1] == "unknown"
    answer_again(world)
    world.go(minutes=40)
    settle(world)
    world.go(minutes=2)
    world.drain()
    assert states(world)[-1] == "accepted"
    assert len(taken(world)) == len(set(taken(world))) == 3


def test_absence_is_not_believed_before_the_settle_time(searchable: World) -> None:
    world = searchable
    a_reader(world)
    lose_answers(world, after_accepting=False)
    to_lesson_2(world)
    answer_again(world)
    world.go(minutes=20)
    settle(world)
    world.drain()
    assert states(world)[-1] == "unknown"


def test_absence_is_not_believed_if_the_search_finds_nothing_at_all(searchable: World) -> None:
    world = searchable
    a_reader(world)
    lose_answers(world, after_accepting=False)
    to_lesson_2(world)
    before = list(taken(world))
    taken(world).clear()  # a wrong stream: it finds not even what is surely there
    world.go(hours=2)
    settle(world)
    assert states(world)[-1] == "unknown"
    taken(world).extend(before)
    answer_again(world)
    world.go(hours=2)
    settle(world)
    world.go(minutes=2)
    world.drain()
    assert states(world)[-1] == "accepted"


@pytest.mark.parametrize("went", [True, False])
def test_the_same_key_gives_one_mail(keyed: World, went: bool) -> None:
    world = keyed
    a_reader(world)
    lose_answers(world, after_accepting=went)
    to_lesson_2(world)
    answer_again(world)
    world.go(minutes=11)
    settle(world)
    assert states(world)[-1] == "accepted"
    assert len(taken(world)) == len(set(taken(world))) == 3


def test_a_replay_waits_while_the_course_is_paused(keyed: World) -> None:
    world = keyed
    a_reader(world)
    lose_answers(world, after_accepting=False)
    to_lesson_2(world)
    answer_again(world)
    calls = len(world.provider.calls)  # type: ignore[attr-defined]
    with world.database.write() as session:
        session.get_one(Course, 1).paused_at = world.machine
    world.go(minutes=11)
    settle(world)
    assert len(world.provider.calls) == calls  # type: ignore[attr-defined]
    with world.database.write() as session:
        session.get_one(Course, 1).paused_at = None
    for _ in range(3):
        world.go(minutes=11)
        settle(world)
        world.drain()
    assert states(world)[-1] == "accepted"


@pytest.mark.parametrize("went", [True, False])
def test_a_replay_never_mails_somebody_who_left_meanwhile(keyed: World, went: bool) -> None:
    world = keyed
    ann, bob = world.enroll(), world.enroll("bob@runner.test")
    world.drain()
    lose_answers(world, after_accepting=went)
    to_lesson_2(world)
    before = len(taken(world))
    with world.database.write() as session:
        found = enrollments.by_id(session, ann)
        assert found is not None
        signup.leave(session, found, signup.Origin(), now=world.machine)
    answer_again(world)
    world.go(minutes=11)
    settle(world)
    world.go(minutes=2)
    world.drain()
    assert len(taken(world)) - before == (0 if went else 1)
    assert world.enrollment(bob).due_at is not None
    assert states(world)[-1] == ("accepted" if went else "cancelled")


def test_an_event_settles_what_nobody_can_look_up(ledger: World) -> None:
    world = ledger
    a_reader(world)
    lose_answers(world, after_accepting=True)
    to_lesson_2(world)
    world.go(days=1)
    settle(world)
    assert states(world)[-1] == "unknown"


def test_after_72_hours_the_calendar_goes_on_and_it_stays_listed(ledger: World) -> None:
    world = ledger
    enrollment = a_reader(world)
    lose_answers(world, after_accepting=True)
    to_lesson_2(world)
    answer_again(world)
    assert world.enrollment(enrollment).due_at is None
    for _ in range(74):
        world.go(hours=1)
        settle(world)
    world.live(12, step=timedelta(hours=6))
    assert states(world) == ["accepted", "accepted", "unknown", "accepted", "accepted", "accepted"]
    with world.database.read() as session:
        assert [problem.what for problem in mending.problems(session)] == ["lesson 2"]
        assert "unknown" in {alarm.key for alarm in alarms.ringing(session)}


def test_the_policy_resend_sends_once_more_and_then_holds(ledger: World) -> None:
    world = ledger
    a_reader(world)
    with world.database.write() as session:
        session.get_one(Course, 1).on_unknown = "resend"
    lose_answers(world, after_accepting=True)
    to_lesson_2(world)
    for _ in range(50):
        world.go(hours=4)
        settle(world)
        world.drain()
    lesson_2 = taken(world)[2]
    assert taken(world).count(lesson_2) == 2


def test_the_policy_resend_sends_nothing_to_who_is_suppressed_meanwhile(ledger: World) -> None:
    world = ledger
    a_reader(world)
    with world.database.write() as session:
        session.get_one(Course, 1).on_unknown = "resend"
    lose_answers(world, after_accepting=False)
    to_lesson_2(world)
    calls = len(world.provider.calls)  # type: ignore[attr-defined]
    with world.database.write() as session:
        subscribers.suppress(session, "ann@runner.test", Suppressed.BOUNCE, "gone", world.machine)
    for _ in range(50):
        world.go(hours=4)
        settle(world)
        world.drain()
    assert len(world.provider.calls) == calls  # type: ignore[attr-defined]
    assert states(world)[-1] == "unknown"


def test_send_again_is_another_copy_and_arrived_is_the_end(ledger: World) -> None:
    world = ledger
    a_reader(world)
    lose_answers(world, after_accepting=False)
    to_lesson_2(world)
    answer_again(world)
    world.go(minutes=1)  # no call at all was answered, so the lane rests for up to half a minute
    with world.database.write() as session:
        [problem] = mending.problems(session)
        mending.send_again(session, problem.delivery, world.machine)
    world.drain()
    assert states(world)[-2:] == ["cancelled", "accepted"]
    lose_answers(world, after_accepting=True)
    world.go(days=4)
    world.drain()
    with world.database.write() as session:
        [problem] = mending.problems(session)
        mending.arrived(session, problem.delivery, world.machine)
        assert session.get_one(Enrollment, 1).due_at is not None


def test_an_account_fault_stops_the_lane_burns_nothing_and_ends_by_itself(ledger: World) -> None:
    world = ledger
    provider = world.provider
    assert isinstance(provider, Ledger)
    for number in range(6):
        world.enroll(f"r{number}@runner.test")
    world.drain()
    provider.calls.clear()
    provider.answer = lambda ids: [Misconfigured("401 bad key") for _ in ids]
    world.go(days=2, hours=22)
    for _ in range(120):
        world.drain()
        world.go(seconds=30)
    assert 2 <= len(provider.calls) < 40
    assert all(len(call) == 1 for call in provider.calls[2:])  # single probes
    with world.database.read() as session:
        assert [alarm.key for alarm in alarms.ringing(session)] == ["lane:ledger:test"]
        assert {row.attempts for row in session.query(Delivery).filter(Delivery.lesson_id == 2)} == {0}
    provider.answer = accept
    world.go(minutes=11)
    world.drain()
    world.go(minutes=11)
    world.drain()
    assert len(taken(world)) == len(set(taken(world))) == 18
    with world.database.read() as session:
        assert not alarms.ringing(session)


def test_what_cannot_go_now_is_no_probe_of_an_account_that_was_at_fault(ledger: World) -> None:
    """Those whose window is shut come first; each of them would keep all others waiting for a lease."""
    world = ledger
    provider = world.provider
    assert isinstance(provider, Ledger)
    abroad = [f"r{number}@runner.test" for number in range(20)]
    for address in abroad:
        world.enroll(address, timezone="Asia/Tokyo")
    world.drain()
    world.go(days=3, hours=8)  # Friday, 8 am in Tokyo
    provider.answer = lambda ids: [Misconfigured("401 bad key") for _ in ids]
    provider.calls.clear()
    world.drain()
    assert provider.calls
    provider.answer = accept
    provider.calls.clear()
    world.go(hours=15)  # nearly midnight in Tokyo
    world.sign_up("ann@runner.test")
    for _ in range(30):
        world.sender.step("lesson")
    world.sender.step("confirm")
    assert [len(call) for call in provider.calls] == [1]


def test_a_429_stops_the_lane_until_the_provider_said(ledger: World) -> None:
    world = ledger
    provider = world.provider
    assert isinstance(provider, Ledger)
    a_reader(world)
    provider.answer = lambda ids: [Unreachable("429", 300.0) for _ in ids]
    to_lesson_2(world)
    calls = len(provider.calls)
    provider.answer = accept
    world.go(seconds=290)
    world.drain()
    assert len(provider.calls) == calls
    world.go(seconds=400)
    world.drain()
    assert len(taken(world)) == 3


def test_one_bad_message_of_many_is_found_by_halves_and_the_others_arrive(ledger: World) -> None:
    world = ledger
    provider = world.provider
    assert isinstance(provider, Ledger)
    type(provider).batch_size = 64  # type: ignore[misc]
    try:
        for number in range(64):
            world.enroll(f"r{number:02d}@runner.test")
        world.drain()
        bad: list[str] = []

        def answer(send_ids: list[str]) -> list[Outcome]:
            bad[:] = bad or [send_ids[37]]
            if bad[0] in send_ids:
                scope = "call" if len(send_ids) > 1 else "message"
                return [Refused("422 something in here", scope) for _ in send_ids]  # type: ignore[arg-type]
            return accept(send_ids)

        provider.calls.clear()
        provider.answer = answer
        to_lesson_2(world)
        assert len(provider.calls) <= 14
        assert len(taken(world)) == len(set(taken(world))) == 64 * 3 - 1
    finally:
        type(provider).batch_size = 4  # type: ignore[misc]


def test_the_same_refusal_for_three_readers_holds_the_text_and_one_retry_sends_all(ledger: World) -> None:
    world = ledger
    provider = world.provider
    assert isinstance(provider, Ledger)
    for number in range(40):
        world.enroll(f"r{number}@runner.test")
    world.drain()
    provider.answer = lambda ids: [Refused("spam", "message") for _ in ids]
    world.go(days=2, hours=22)
    calls = len(provider.calls)
    world.drain()
    assert len(provider.calls) == calls + 8  # 32 readers in fours; the other 8 were not even tried
    with world.database.write() as session:
        assert len(mending.problems(session)) == 40
        assert next(alarm.key for alarm in alarms.ringing(session)).startswith("revision:")
        assert session.query(Revision).filter(Revision.held_at.is_not(None)).count() == 1
        mending.retry(session, [problem.delivery for problem in mending.problems(session)], world.machine)
        assert not alarms.ringing(session)
    provider.answer = accept
    world.drain()
    assert len(taken(world)) == len(set(taken(world))) == 120


def test_a_refused_lesson_does_not_stop_the_next_one(ledger: World) -> None:
    world = ledger
    provider = world.provider
    assert isinstance(provider, Ledger)
    a_reader(world)
    provider.answer = lambda ids: [Refused("too big", "message") for _ in ids]
    to_lesson_2(world)
    provider.answer = accept
    world.go(days=4, hours=2)
    world.drain()
    assert states(world) == ["accepted", "accepted", "refused", "accepted"]


def test_a_refused_address_is_stopped_and_never_tried_again(ledger: World) -> None:
    world = ledger
    provider = world.provider
    assert isinstance(provider, Ledger)
    enrollment = a_reader(world)
    provider.answer = lambda ids: [Refused("no such user", "recipient") for _ in ids]
    to_lesson_2(world)
    provider.answer = accept
    world.live(10, step=timedelta(hours=6))
    assert world.enrollment(enrollment).status == "stopped"
    world.sign_up()
    world.drain()
    assert len(taken(world)) == 2

"""What can never go as it is: set aside with its reason, in nobody's way, and sent once it is mended."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import ClassVar

import pytest
from sqlalchemy import select, update

from course.actions import mending
from course.actions.lanes import Backoff
from course.actions.recording import MAX_ATTEMPTS
from course.assembly import CAP, CAP_ALONE
from course.core.letter import Message
from course.core.outcome import Outcome, Refused, Unreachable
from course.core.status import Sent
from course.store import alarms
from course.store.db import Database
from course.store.models import Delivery, Revision
from tests.factories import World
from tests.providers import Ledger, accept


@dataclass
class Choosy(Ledger):
    """It cannot build a mail to some addresses."""

    name: ClassVar[str] = "choosy"
    cannot: Collection[str] = ()

    def build(self, messages: Sequence[Message]) -> bytes:
        if any(message.to in self.cannot for message in messages):
            raise ValueError("no such letters")
        return super().build(messages)


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Iterator[World]:
    made = World(database, tmp_path / "outbox", Choosy())
    yield made
    made.close()


def provider(world: World) -> Choosy:
    assert isinstance(world.provider, Choosy)
    return world.provider


def readers(world: World, count: int) -> list[int]:
    """Who have lesson 1, and are due lesson 2."""
    found = [world.enroll(f"r{number}@runner.test") for number in range(count)]
    world.drain()
    world.go(days=2, hours=22)
    return found


def second(world: World, enrollment: int) -> Delivery:
    """The reader's lesson 2."""
    with world.database.read() as session:
        query = select(Delivery).where(Delivery.enrollment_id == enrollment, Delivery.number == 2)
        return session.scalars(query).one()


def problems(world: World) -> list[tuple[str, str, str]]:
    with world.database.read() as session:
        return [(one.address, one.what, one.reason) for one in mending.problems(session)]


def retry(world: World) -> int:
    with world.database.write() as session:
        return mending.retry(session, [one.delivery for one in mending.problems(session)], world.machine)


def test_a_mail_that_cannot_be_built_keeps_no_other_from_going(world: World) -> None:
    found = readers(world, 6)
    provider(world).cannot = ["r3@runner.test"]
    world.drain()
    assert [second(world, one).state for one in found] == [Sent.ACCEPTED] * 3 + [Sent.REFUSED] + [Sent.ACCEPTED] * 2
    assert problems(world) == [("r3@runner.test", "lesson 2", "the mail cannot be built: no such letters")]
    provider(world).cannot = ()
    assert retry(world) == 1
    world.drain()
    assert second(world, found[3]).state == Sent.ACCEPTED
    assert len(provider(world).taken) == len(set(provider(world).taken)) == 18


@pytest.mark.parametrize("count", [1, 6])
def test_if_none_can_be_built_no_call_is_made(world: World, count: int) -> None:
    """Their confirmations and first lessons went; the course goes on with lesson 3."""
    found = readers(world, count)
    calls = len(provider(world).calls)
    provider(world).cannot = [f"r{number}@runner.test" for number in range(count)]
    world.drain()
    provider(world).cannot = ()
    assert len(provider(world).calls) == calls
    assert {second(world, one).state for one in found} == {Sent.REFUSED}
    world.go(days=4, hours=2)
    world.drain()
    assert {tuple(world.enrollment(one).had) for one in found} == {(1, 2, 3)}


def test_a_lesson_that_cannot_be_rendered_is_its_own_fault_and_goes_when_it_is_mended(world: World) -> None:
    [ann] = readers(world, 1)
    with world.database.read() as session:
        good = session.scalars(select(Revision.source).where(Revision.lesson_id == 2)).one()
    with world.database.write() as session:
        session.execute(update(Revision).where(Revision.lesson_id == 2).values(source="no lesson at all"))
    world.drain()
    [(address, what, reason)] = problems(world)
    assert (address, what) == ("r0@runner.test", "lesson 2")
    assert reason.startswith("the lesson cannot be rendered: ")
    with world.database.write() as session:
        session.execute(update(Revision).where(Revision.lesson_id == 2).values(source=good))
    world.sender = world.new_sender()
    assert retry(world) == 1
    world.drain()
    assert second(world, ann).state == Sent.ACCEPTED


def test_what_is_put_off_again_and_again_is_given_up_in_the_end(world: World) -> None:
    """A server that greylists one address for ever; the others' mails go meanwhile."""
    found = readers(world, 3)

    def answer(send_ids: list[str]) -> list[Outcome]:
        off = Unreachable("450 try later", scope="message")
        return [off if one == bad else fine for one, fine in zip(send_ids, accept(send_ids), strict=True)]

    provider(world).answer = lambda ids: [Unreachable("450 try later", scope="message"), *accept(ids[1:])]
    world.drain()
    assert [second(world, one).state for one in found] == [Sent.QUEUED, Sent.ACCEPTED, Sent.ACCEPTED]
    bad = provider(world).calls[-1][0]
    provider(world).answer = answer
    for _ in range(MAX_ATTEMPTS - 1):
        assert second(world, found[0]).state == Sent.QUEUED
        world.go(minutes=10)
        world.drain()
    assert sum(bad in call for call in provider(world).calls) == MAX_ATTEMPTS
    assert problems(world) == [("r0@runner.test", "lesson 2", f"given up after {MAX_ATTEMPTS} tries: 450 try later")]


def test_full_mailboxes_are_no_word_against_the_text(world: World) -> None:
    """Three of them, given up after half a day: the others' lesson goes as before."""
    found = readers(world, 4)
    provider(world).answer = lambda ids: [Unreachable("452 4.2.2 full", scope="message") for _ in ids]
    world.drain()
    for _ in range(MAX_ATTEMPTS):
        world.go(minutes=10)
        world.drain()
    assert {second(world, one).state for one in found} == {Sent.REFUSED}
    with world.database.read() as session:
        assert session.scalars(select(Revision.held_at).where(Revision.lesson_id == 2)).one() is None
        assert not alarms.ringing(session)


def test_a_lesson_that_waits_is_held_back_with_its_text(world: World) -> None:
    """It was put off before the text was refused to three readers."""
    found = readers(world, 4)
    provider(world).answer = lambda ids: [
        Unreachable("450 later", scope="message"),
        *([Refused("spam", "message")] * 3),
    ]
    world.drain()
    assert [second(world, one).state for one in found] == [Sent.QUEUED] + [Sent.REFUSED] * 3
    calls = len(provider(world).calls)
    world.go(minutes=11)
    world.drain()
    assert len(provider(world).calls) == calls
    assert second(world, found[0]).state == Sent.REFUSED
    provider(world).answer = accept
    assert retry(world) == 4
    world.drain()
    assert {second(world, one).state for one in found} == {Sent.ACCEPTED}


def test_a_full_mailbox_is_tried_over_half_a_day() -> None:
    """Where people are reached; the account's own trouble is looked at every few minutes."""
    backoff = Backoff(CAP, Random(1), CAP_ALONE)
    for _ in range(100):
        alone = [backoff.after(tried, alone=True) for tried in range(1, MAX_ATTEMPTS)]
        assert alone[0] >= timedelta(seconds=30)
        assert timedelta(hours=8) < sum(alone, timedelta()) < timedelta(hours=17)
        assert max(backoff.after(failures) for failures in range(50)) <= timedelta(seconds=CAP)

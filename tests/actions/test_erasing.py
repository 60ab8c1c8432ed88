"""Somebody is forgotten, whatever is under way at that moment; and everything about them can be handed over."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from course.actions import erasing, events
from course.core.happening import Event, Happened
from course.core.outcome import Accepted, Misconfigured, Outcome, Refused, Uncertain, Unreachable
from course.core.status import ERASED
from course.mail.provider import Ready, always
from course.store import subscribers
from course.store.models import Answer, Base, Delivery, Enrollment, ProviderEvent, Suppression
from tests.actions.steps import ANN
from tests.factories import World


def erase(world: World, reader: int) -> None:
    with world.database.write() as session:
        assert erasing.erase(session, session.get_one(Enrollment, reader).subscriber_id, world.machine)


def everything(world: World) -> str:
    with world.database.read() as session:
        return str([session.execute(select(table)).all() for table in Base.metadata.sorted_tables])


def test_nothing_but_a_hash_stays_and_it_keeps_the_reason_for_not_mailing(world: World) -> None:
    reader = world.enroll()
    world.drain()
    with world.database.write() as session:
        session.add(Answer(enrollment_id=reader, lesson_id=1, copy=1, done_at=None, text="my knee", answered_at=None))
    erase(world, reader)
    assert ANN not in everything(world)
    assert "my knee" not in everything(world)
    with world.database.write() as session:
        [row] = session.scalars(select(Suppression)).all()
        assert row.reason == ERASED
        assert row.email_key.startswith("erased:")
        assert subscribers.suppressed(session, [ANN, "bob@runner.test"]) == {ANN}
        subscribers.suppress(session, ANN, "complaint", "", world.machine)
    second = world.enroll("bob@runner.test")
    with world.database.write() as session:
        subscribers.suppress(session, "bob@runner.test", "complaint", "", world.machine)
    erase(world, second)
    world.sign_up("bob@runner.test")
    before = len(world.mails())
    world.drain()
    assert len(world.mails()) == before  # a complaint outlives an erasure


OUTCOMES: list[Outcome] = [
    Accepted("1"), Refused("no such user", "recipient"), Refused("too large", "message"), Refused("all of it", "call"),
    Unreachable("away", scope="message"), Unreachable("away", scope="provider"), Misconfigured("key"), Uncertain("?"),
]  # fmt: skip


@pytest.mark.parametrize("outcome", OUTCOMES, ids=repr)
def test_a_mail_that_is_on_its_way_while_its_reader_is_erased_breaks_nothing(world: World, outcome: Outcome) -> None:
    """The call's other mails are recorded, retried and settled as ever."""
    ann = world.enroll()
    bob = world.enroll("bob@runner.test", "Bob")
    while world.sender.step("confirm"):
        pass

    class Interrupted:
        """The provider, which answers after somebody was erased."""

        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        def post(self, body: bytes, key: str, count: int, ready: Ready = always) -> list[Outcome]:
            erase(world, ann)
            return [outcome] * count

    sender = world.new_sender(provider=Interrupted(world.provider))
    sender.step("lesson")
    sender.close()
    assert ANN not in everything(world)
    for _ in range(4):
        world.go(hours=20)
        world.sender.settle()
        world.drain()
    with world.database.read() as session:
        rows = session.scalars(select(Delivery).where(Delivery.lesson_id.is_not(None))).all()
        assert {row.enrollment_id for row in rows} == {bob}
        assert session.get(Enrollment, bob) is not None
    assert ANN not in everything(world)


def test_an_event_that_comes_after_the_erasure_is_forgotten_too(world: World) -> None:
    reader = world.enroll()
    world.drain()
    erase(world, reader)
    told = Event("e1", Happened.BOUNCE_HARD, "0" * 32, ANN.upper(), world.machine, "no such user", "{}")
    with world.database.write() as session:
        events.store(session, "outbox", "test", [told], world.machine)
    world.sender.listen()
    with world.database.read() as session:
        assert session.scalars(select(ProviderEvent)).all() == []


def test_all_that_is_kept_can_be_handed_over_as_json(world: World) -> None:
    reader = world.enroll()
    world.drain()
    with world.database.read() as session:
        told = erasing.export(session, session.get_one(Enrollment, reader).subscriber_id)
    again = json.loads(json.dumps(told))
    assert again["person"][0]["email"] == ANN
    assert [mail["subject"] for mail in again["mails"]] == ["", "About Start"]
    assert [consent["kind"] for consent in again["consents"]] == ["signup", "confirm"]
    assert again["courses"][0]["course"] == "running"

"""What a provider tells us: each thing once, in any order, and only of what is ours."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

from course.actions import events, settling
from course.core.happening import Event, Happened
from course.core.outcome import Uncertain
from course.core.status import Sent
from course.core.tokens import send_id
from course.store import deliveries, enrollments, subscribers
from course.store.models import Delivery, ProviderEvent
from tests.factories import KEY, World
from tests.providers import Ledger


def an_event(world: World, what: Happened | None, *, identity: str = "", delivery: int = -1, to: str = "") -> Event:
    """An event of the newest delivery of the first reader, or of the one at that place."""
    with world.database.read() as session:
        row = deliveries.of_subscriber(session, 1)[::-1][delivery]
        send_id = settling.send_id_of(session, world.letters, row)
    name = identity or f"{what}-{send_id}"
    return Event(name, what, send_id, to or "ann@runner.test", world.machine, "why", "{}")


def tell(world: World, *told: Event) -> None:
    with world.database.write() as session:
        events.store(session, "ledger", "test", told, world.machine)
    while world.sender.listen():
        pass


def the_delivery(world: World) -> Delivery:
    with world.database.read() as session:
        return deliveries.of_subscriber(session, 1)[0]


def test_the_weightiest_word_stays_whatever_the_order(world: World) -> None:
    told = (Happened.ACCEPTED, Happened.DELIVERED, Happened.BOUNCE_SOFT, Happened.DEFERRED)
    for number, order in enumerate(permutations(told)):
        world.enroll(f"r{number}@runner.test") if number == 0 else None
        with world.database.write() as session:
            session.query(ProviderEvent).delete()
            session.query(Delivery).update({"heard": None})
        world.drain()
        tell(world, *(an_event(world, what, to="r0@runner.test") for what in order))
        assert the_delivery(world).heard == "delivered"


def test_an_event_settles_an_unknown_and_the_course_goes_on(world: World) -> None:
    enrollment = world.enroll()
    world.drain()
    world.sender.sending = world.sender.sending.__class__(**_with_provider(world))
    world.go(days=2, hours=22)
    world.drain()
    assert the_delivery(world).state == "unknown"
    tell(world, an_event(world, Happened.DELIVERED))
    assert the_delivery(world).state == "accepted"
    assert world.enrollment(enrollment).due_at is not None


def _with_provider(world: World) -> dict[str, object]:
    blind = Ledger(answer=lambda ids: [Uncertain("no answer") for _ in ids])
    sending = world.sender.sending
    return {name: getattr(sending, name) for name in sending.__dataclass_fields__} | {"provider": blind}


@pytest.mark.parametrize(
    ("what", "reason"),
    [(Happened.BOUNCE_HARD, "bounce"), (Happened.COMPLAINT, "complaint"), (Happened.BLOCKED, "bounce")],
)
def test_hard_bounces_and_complaints_stop_the_reader(world: World, what: Happened, reason: str) -> None:
    enrollment = world.enroll()
    world.drain()
    tell(world, an_event(world, what))
    world.live(10, step=timedelta(hours=6))
    assert len(list(world.lessons())) == 1
    assert world.enrollment(enrollment).status == "stopped"
    with world.database.read() as session:
        row = subscribers.suppression(session, "ann@runner.test")
        assert row is not None
        assert row.reason == reason


def test_a_complaint_is_never_replaced_by_a_bounce(world: World) -> None:
    world.enroll()
    world.drain()
    tell(world, an_event(world, Happened.COMPLAINT), an_event(world, Happened.BOUNCE_HARD))
    with world.database.read() as session:
        row = subscribers.suppression(session, "ann@runner.test")
        assert row is not None
        assert row.reason == "complaint"


def test_the_same_event_counts_once(world: World) -> None:
    world.enroll()
    world.drain()
    told = an_event(world, Happened.DELIVERED)
    tell(world, told, told)
    tell(world, told)
    with world.database.read() as session:
        assert session.query(ProviderEvent).count() == 1


def test_what_is_understood_is_not_kept_as_it_was_told(world: World) -> None:
    """It names the reader, and nobody reads it again; what is not understood stays, for whoever mends the adapter."""
    world.enroll()
    world.drain()
    for what, identity in ((Happened.DELIVERED, "known"), (None, "new")):
        tell(world, an_event(world, what, identity=identity))
    with world.database.read() as session:
        kept = {event.event_id: event.raw for event in session.query(ProviderEvent)}
    assert kept == {"known": "", "new": "{}"}


def test_an_event_for_somebody_elses_message_changes_nothing(world: World) -> None:
    world.enroll()
    world.enroll("bob@runner.test")
    world.drain()
    tell(world, an_event(world, Happened.COMPLAINT, to="bob@runner.test"))
    with world.database.read() as session:
        assert subscribers.suppression(session, "bob@runner.test") is None
        assert subscribers.suppression(session, "ann@runner.test") is None


def test_an_event_that_comes_before_its_message_is_tried_again_for_72_hours(world: World) -> None:
    world.enroll()
    world.drain()
    early = an_event(world, Happened.DELIVERED)
    stranger = Event("stranger", Happened.BOUNCE_HARD, "0" * 32, "ann@runner.test", world.machine, "", "{}")
    tell(world, stranger)
    for _ in range(80):
        world.go(hours=1)
        tell(world)
    with world.database.read() as session:
        assert session.query(ProviderEvent).filter(ProviderEvent.processed_at.is_(None)).count() == 0
        assert subscribers.suppression(session, "ann@runner.test") is None
    tell(world, early)
    assert the_delivery(world).heard == "delivered"


def test_an_unsubscribe_at_the_provider_is_one_here(world: World) -> None:
    enrollment = world.enroll()
    world.drain()
    tell(world, an_event(world, Happened.UNSUBSCRIBE))
    assert world.enrollment(enrollment).status == "left"


def test_what_the_provider_could_not_send_after_all_is_a_dead_letter(world: World) -> None:
    """It said nothing when it was asked to, and `failed` afterwards."""
    enrollment = world.enroll()
    world.drain()
    world.sender.sending = world.sender.sending.__class__(**_with_provider(world))
    world.go(days=2, hours=22)
    world.drain()
    tell(world, an_event(world, Happened.FAILED))
    assert (the_delivery(world).state, the_delivery(world).scope, the_delivery(world).reason) == (
        "refused",
        "message",
        "why",
    )
    assert world.enrollment(enrollment).due_at is not None
    assert world.enrollment(enrollment).status == "active"


@pytest.mark.parametrize("to", ["", "no address", "somebody@else.test"])
def test_whose_message_it_was_is_not_taken_from_the_address_alone(world: World, to: str) -> None:
    world.enroll()
    world.drain()
    event = replace(an_event(world, Happened.BOUNCE_HARD, to="x@y.test"), recipient=to)
    tell(world, event)
    assert the_delivery(world).heard is None
    with world.database.read() as session:
        assert subscribers.suppression(session, "ann@runner.test") is None


def test_an_event_that_comes_before_its_message_is_kept_for_it(world: World) -> None:
    """A provider may tell of a mail before its answer to the call is recorded."""
    reader = world.enrollment(world.enroll())
    identity = send_id(KEY, "ann@runner.test", reader.course_id, 1, reader.copy)
    tell(world, Event("early", Happened.DELIVERED, identity, "ann@runner.test", world.machine, "", "{}"))
    world.drain()
    assert (the_delivery(world).number, the_delivery(world).heard) == (1, None)
    world.go(minutes=2)
    tell(world)
    assert the_delivery(world).heard == "delivered"


@pytest.mark.parametrize("state", [Sent.SENDING, Sent.UNKNOWN, Sent.QUEUED])
def test_what_was_delivered_is_accepted_whatever_we_knew(world: World, state: Sent) -> None:
    enrollment = world.enroll()
    world.drain()
    with world.database.write() as session:
        row = deliveries.of_subscriber(session, 1)[0]
        row.state, row.not_before = state, world.machine + timedelta(days=1)
        enrollments.the(session, enrollment).due_at = None
    tell(world, an_event(world, Happened.DELIVERED))
    assert the_delivery(world).state == "accepted"
    assert world.enrollment(enrollment).due_at is not None

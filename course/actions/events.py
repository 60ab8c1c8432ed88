"""What a provider told us: stored before it is answered, processed after.

A message is found by our own id, which the provider hands back, and only if the recipient is the one it went to; so an
event may come before our own record, and one for somebody else's message changes nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from course.actions import recording, settling, signup
from course.actions.letters import Letters
from course.core import address
from course.core.errors import BadAddress
from course.core.happening import Event, Happened
from course.core.status import Sent, Suppressed
from course.store import deliveries, enrollments, events, subscribers
from course.store.models import Delivery, ProviderEvent, Subscriber

BATCH = 100  # events in one transaction
PATIENCE = timedelta(hours=72)  # an event of a message that we do not know (yet) is tried for so long
SUPPRESSES = {
    Happened.BOUNCE_HARD: Suppressed.BOUNCE,
    Happened.BLOCKED: Suppressed.BOUNCE,
    Happened.COMPLAINT: Suppressed.COMPLAINT,
}


def store(session: Session, provider: str, account: str, told: Sequence[Event], now: datetime) -> None:
    """Keeps each event once. Answer the provider only after this is committed."""
    rows = [
        {
            "provider": provider,
            "account": account,
            "event_id": event.identity,
            "what": event.what or "",
            "send_id": event.send_id,
            "recipient": event.recipient,
            "at": event.at,
            "detail": event.detail,
            "raw": event.raw,
            "received_at": now,
            "next_try_at": now,
        }
        for event in told
    ]
    events.add_missing(session, rows)


def process(session: Session, letters: Letters, now: datetime) -> bool:
    """Works through a batch of stored events, of each message in the order in which they came. True if there were
    any."""
    found = [(event, _delivery(session, letters, event)) for event in events.take_open(session, now, BATCH)]
    # Messages in the order of their ids, as whoever records a call locks them: else PostgreSQL finds a deadlock.
    found.sort(key=lambda pair: pair[1].id if pair[1] else 0)
    for event, delivery in found:
        _process(session, event, delivery, now)
    return bool(found)


def _process(session: Session, event: ProviderEvent, delivery: Delivery | None, now: datetime) -> None:
    if delivery is None and subscribers.is_erased(session, event.recipient.lower()):
        session.delete(event)  # it came after its reader was erased, and names them
        return
    if delivery is None and event.what and now - event.received_at < PATIENCE:
        later = now + max(timedelta(minutes=1), now - event.received_at)  # twice as long each time
        event.next_try_at = min(later, event.received_at + PATIENCE)
        return
    event.processed_at = now
    if delivery is None or not event.what:
        return
    event.delivery_id, event.raw = delivery.id, ""
    what = Happened(event.what)
    _settle(session, delivery, what, event)
    if delivery.heard is None or what.weight > Happened(delivery.heard).weight:
        delivery.heard, delivery.heard_at = what, event.at
    _follow(session, delivery, what, event, now)


def _delivery(session: Session, letters: Letters, event: ProviderEvent) -> Delivery | None:
    """The message that the event speaks of: its id is not stored, but follows from whom it went to."""
    person = _person(session, event.recipient)
    if person is None or not event.send_id:
        return None
    rows = deliveries.of_subscriber(session, person.id)
    return next((row for row in rows if settling.send_id_of(session, letters, row) == event.send_id), None)


def _person(session: Session, recipient: str) -> Subscriber | None:
    try:
        return subscribers.by_key(session, address.key(address.checked(recipient)))
    except BadAddress:
        return None


def _settle(session: Session, delivery: Delivery, what: Happened, event: ProviderEvent) -> None:
    """Whatever happened to it, it was at the provider: that ends an unknown."""
    if delivery.state not in {Sent.SENDING, Sent.UNKNOWN, Sent.QUEUED}:
        return
    delivery.done_at = event.at
    if what is Happened.FAILED:
        delivery.state, delivery.scope, delivery.reason = Sent.REFUSED, "message", event.detail
    else:
        delivery.state, delivery.reason = Sent.ACCEPTED, None
    session.flush()
    recording.went_later(session, [delivery], event.at)  # a replay may have been what the provider took first
    recording.release(session, [delivery.id])


def _follow(session: Session, delivery: Delivery, what: Happened, event: ProviderEvent, now: datetime) -> None:
    """What it means for the person. Only ever less mail, never more."""
    if what in SUPPRESSES:
        person = subscribers.by_id(session, delivery.subscriber_id)
        if person:
            subscribers.suppress(session, person.email_key, SUPPRESSES[what], event.detail, now)
            enrollments.stop_all(session, person.id, event.detail or what, now)
    elif what is Happened.UNSUBSCRIBE and delivery.enrollment_id:
        enrollment = enrollments.by_id(session, delivery.enrollment_id, lock=True)
        if enrollment:
            signup.leave(session, enrollment, signup.Origin(source=f"event:{event.provider}"), now=now)

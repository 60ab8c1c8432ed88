"""Notices: mails that are no part of a course, to a coach or about a reader's own address. Queued with what caused
them, in one transaction, ready to send; the worker sends them (worker/notifier.py).

A notice twice is better than none: where nobody knows whether one arrived it is sent again, under the same id and key.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from course.actions import lanes
from course.actions.lanes import Backoff
from course.actions.sending import Sending
from course.core.letter import Letter, Message, Part, Values
from course.core.outcome import Accepted, Outcome, Refused, Uncertain, Unreachable
from course.core.tokens import send_id
from course.store import calls
from course.store import notices as store
from course.store.models import Notice

TRIES = 3  # of a notice whose answer was lost
PATIENCE = timedelta(days=1)  # with an address that keeps putting us off
GREYLISTED = timedelta(minutes=5)  # until it is worth another try
BODY_LIFE = timedelta(days=30)
SECRET = {"invitation", "password", "access", "address"}  # a link in it lets somebody in: kept until it went


@dataclass(frozen=True, slots=True)
class Taken:
    """A notice that is marked: this is try number `attempt`, and others leave it alone for the sender's lease."""

    notice: int
    attempt: int
    leased_until: datetime
    message: Message


def queue(session: Session, kind: str, email: str, message: Message, now: datetime) -> int:
    """The worker sends it soon; the notice's id. `message.send_id` may be empty: it gets one of its own."""
    return store.add(session, kind, email, _kept(message), now)


def queue_once(session: Session, key: str, kind: str, email: str, message: Message, now: datetime) -> bool:
    """As `queue`, but never twice under one key, however many workers try. False: it is there already."""
    return store.add_once(session, key, kind, email, _kept(message), now)


def _kept(message: Message) -> dict[str, Any]:
    return {
        "to": message.to,
        "subject": message.subject,
        "text": message.text,
        "html": message.html,
        "headers": message.headers,
        "sender_name": message.letter.sender_name,
        "sender_email": message.letter.sender_email,
        "reply_to": message.letter.reply_to,
    }


def take(sending: Sending, session: Session, now: datetime) -> Taken | None:
    """Marks one that may go now. None: there is none, or nothing may go through this account."""
    lane = calls.lane(session, sending.provider.name, sending.account, lock=sending.caps.on)
    if lane.failures:
        lane = calls.lane(session, sending.provider.name, sending.account, lock=True)
    if sending.room(lane, "confirm", now) <= 0:
        return None
    while row := store.take(session, now):
        if row.attempts < TRIES:
            break
        _done(row, "Sent three times, and no answer came: it may have arrived.", now)  # its last sender died
        session.flush()
    else:
        return None
    leased_until = now + sending.lease
    if lane.failures:
        lane.paused_until = leased_until  # a probe, as in marking
    if sending.caps.on:
        calls.spend(lane, 1, now)
    row.attempts, row.not_before = row.attempts + 1, leased_until
    return Taken(row.id, row.attempts, leased_until, _message(row, sending.letters.id_key))


def record(session: Session, sending: Sending, taken: Taken, outcome: Outcome, now: datetime, backoff: Backoff) -> None:
    """What became of it, for the notice and for all that goes through this account."""
    provider, until = sending.provider.name, taken.leased_until
    lanes.note(session, provider, sending.account, [outcome], now, backoff, leased_until=until)
    row = store.by_id(session, taken.notice, lock=True)
    if row is None or row.done_at:
        return
    if isinstance(outcome, Accepted):
        _done(row, "", now)
    elif row.attempts != taken.attempt:
        return  # another worker has taken it up since; what it hears is newer
    elif isinstance(outcome, Refused):
        _done(row, outcome.reason, now)
    elif isinstance(outcome, Uncertain):
        _try_again(row, outcome.reason, now, backoff)
    else:
        _put_off(row, outcome, now, backoff)


def tidy(session: Session, now: datetime) -> None:
    """What was in a mail is nobody's business after a month."""
    store.empty_bodies(session, now - BODY_LIFE)


def _try_again(row: Notice, reason: str, now: datetime, backoff: Backoff) -> None:
    row.problem = reason[:500]
    if row.attempts >= TRIES:
        _done(row, reason, now)
    else:
        row.not_before = now + backoff.after(row.attempts)


def _put_off(row: Notice, outcome: Any, now: datetime, backoff: Backoff) -> None:
    """Surely not taken: trouble of the account or the road is not the notice's, so it costs no try."""
    row.attempts -= 1
    row.problem, row.not_before = outcome.reason[:500], now + backoff.after(row.attempts)
    if isinstance(outcome, Unreachable) and outcome.scope == "message":
        row.not_before = now + max(GREYLISTED, timedelta(seconds=outcome.after or 0))
        if now - row.created_at > PATIENCE:
            _done(row, outcome.reason, now)


def _done(row: Notice, problem: str, now: datetime) -> None:
    row.done_at, row.problem = now, problem[:500]
    if row.kind in SECRET:
        row.message = {}


def _message(row: Notice, id_key: bytes) -> Message:
    kept = row.message
    letter = Letter(
        sender_name=kept["sender_name"],
        sender_email=kept["sender_email"],
        reply_to=kept["reply_to"],
        subject=Part((kept["subject"],)),
        text=Part((kept["text"],)),
        html=Part((kept["html"],)),
        headers={name: Part((value,)) for name, value in kept["headers"].items()},
    )
    return Message(send_id(id_key, "notice", row.id), kept["to"], letter, Values({}))

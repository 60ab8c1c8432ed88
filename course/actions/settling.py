"""Settle: take up calls whose worker went away, or whose answer nobody could read.

One ladder, and no step that could send twice: the same call again under the same key, where the provider honours keys;
else ask the provider which messages it has; else they stay `unknown` and are shown. A look-up that finds nothing is
believed only after the provider's settle time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from course.actions import recording
from course.actions.letters import Letters
from course.actions.recording import Backoff
from course.core import bundle
from course.core.outcome import Accepted, Outcome, Uncertain, Unreachable
from course.core.status import UNSETTLED, Enrolled
from course.core.tokens import send_id
from course.mail.provider import Provider
from course.store import calls, deliveries, enrollments, subscribers
from course.store.models import Delivery

KEYS_LIVE = timedelta(hours=23)  # providers keep an idempotency key for 24 h
LOOK_AGAIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Case:
    """A call to settle: what of it is open, and what the ladder needs to know."""

    call_id: str
    marked_at: datetime
    members: list[int]  # as they were posted
    open: list[int]  # the members that nobody knows of
    send_ids: list[str]  # of the open members
    bodies: list[bytes]  # [] where they were not kept
    wanted: bool  # no member left in the meantime


def take(
    session: Session, provider: Provider, account: str, letters: Letters, now: datetime, lease: timedelta
) -> Case | None:
    """The next call to settle, leased to the caller. None: there is none."""
    call = calls.take_open(session, provider.name, account, now, now + lease)
    if call is None:
        return None
    rows = deliveries.many(session, call.members)
    mine = [rows[m] for m in call.members if m in rows and rows[m].call_id == call.id and rows[m].state in UNSETTLED]
    if not mine:
        call.state, call.bodies = "done", None
    return Case(
        call_id=call.id,
        marked_at=call.marked_at,
        members=call.members,
        open=[row.id for row in mine],
        send_ids=[_send_id(session, letters, row) for row in mine],
        bodies=bundle.unpack(call.bodies) if call.bodies else [],
        wanted=all(_wanted(session, row) for row in mine),
    )


def ask(provider: Provider, case: Case, now: datetime) -> list[Outcome]:
    """Climbs the ladder for the open members; one outcome each. No transaction is open."""
    if not case.open:
        return []
    if provider.honours_keys and case.bodies and case.wanted and now - case.marked_at < KEYS_LIVE:
        return _replayed(provider, case)
    if provider.settle is not None:
        return _looked_up(provider, case, believe_absence=now - case.marked_at >= provider.settle)
    return [Uncertain("nobody can say whether it was taken") for _ in case.open]


def settle(session: Session, case: Case, outcomes: Sequence[Outcome], now: datetime, backoff: Backoff) -> None:
    """Records what the ladder found, and plans what waited for it."""
    if not case.open:
        return
    recording.record(session, case.call_id, case.open, outcomes, now, backoff)
    recording.release(session, case.open)
    if any(isinstance(outcome, Uncertain) for outcome in outcomes):
        calls.save(session, case.call_id, next_try_at=now + LOOK_AGAIN, lease_until=now + LOOK_AGAIN)


def _replayed(provider: Provider, case: Case) -> list[Outcome]:
    """The same bytes under the same keys: the provider answers as it did, or takes it for the first time."""
    answers: list[Outcome] = []
    for index, body in enumerate(case.bodies):
        count = len(case.members[index * provider.batch_size : (index + 1) * provider.batch_size])
        answers += provider.post(body, request_key(case.call_id, index), count)
    by_member = dict(zip(case.members, answers, strict=True))
    # "Not taken now" does not say that the first try was not taken either.
    return [
        Uncertain(outcome.reason) if isinstance(outcome := by_member[member], Unreachable) else outcome
        for member in case.open
    ]


def _looked_up(provider: Provider, case: Case, *, believe_absence: bool) -> list[Outcome]:
    found = provider.look_up(case.send_ids)

    def outcome(identity: str) -> Outcome:
        if identity not in found:
            return Uncertain("the provider could not be asked")
        if (provider_id := found[identity]) is not None:
            return Accepted(provider_id)
        return Unreachable("the provider does not have it") if believe_absence else Uncertain("not found yet")

    return [outcome(identity) for identity in case.send_ids]


def request_key(call_id: str, index: int) -> str:
    """The idempotency key of one request of a call."""
    return f"{call_id}-{index}"


def _send_id(session: Session, letters: Letters, row: Delivery) -> str:
    person = subscribers.by_id(session, row.subscriber_id)
    assert person is not None  # noqa: S101 (a foreign key)
    what = row.lesson_id if row.lesson_id is not None else row.kind
    return send_id(letters.id_key, person.email_key, row.course_id, what, row.copy)


def _wanted(session: Session, row: Delivery) -> bool:
    """Whether the person still wants it, at this moment."""
    person = subscribers.by_id(session, row.subscriber_id)
    if person is None or subscribers.suppression(session, person.email_key):
        return False
    found = enrollments.by_id(session, row.enrollment_id) if row.enrollment_id else None
    return found is None or found.status in {Enrolled.ACTIVE, Enrolled.FINISHED}

"""Settle: take up calls whose worker went away, or whose answer nobody could read.

One ladder, and no step on it can send twice in silence:

1. the same call again under the same key, where the provider honours keys, and never to somebody who left meanwhile;
2. ask the provider which messages it has; that it has none is believed after its settle time, and only if the same
   question finds a message that it surely has;
3. wait for the provider's event (actions/events.py);
4. after 72 hours the course's policy: hold it for the coach, or send it once more. The reader's calendar goes on.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from course.actions import recording, restoring
from course.actions.lanes import Backoff
from course.actions.letters import Letters
from course.actions.planning import Planners
from course.actions.sending import Sending
from course.core import bundle
from course.core.clock import Now
from course.core.outcome import Accepted, Outcome, Uncertain, Unreachable
from course.core.status import UNSETTLED, Enrolled, Sent
from course.core.tokens import send_id
from course.mail.provider import Provider, Ready, always
from course.store import alarms, calls, deliveries, enrollments, subscribers
from course.store.models import Call, Course, Delivery, Subscriber

log = logging.getLogger(__name__)
KEYS_LIVE = timedelta(hours=23)  # providers keep an idempotency key for 24 h
PATIENCE = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Case:
    """A call to settle: what of it is open, and what the ladder needs to know."""

    call_id: str
    marked_at: datetime
    members: list[int]  # as they were posted
    open: list[int]  # the members that nobody knows of
    left: frozenset[int]  # the members who are not to get it now: they left, theirs is settled, their window is shut
    send_ids: list[str]  # of the open members
    neighbour: str | None  # the send id of a message that the provider surely has
    bodies: list[bytes]  # [] where they were not kept
    elsewhere: bool = False  # it went through an account that this worker cannot ask
    restored: bool = False  # no more than a suspicion: see actions/restoring.py
    undated: bool = False  # nobody knows when it was posted, if it was


def take(session: Session, sending: Sending, now: Now) -> Case | None:
    """The next call to settle, leased to the caller. None: there is none."""
    where, at = (sending.provider.name, sending.account), now.machine
    call = calls.take_open(session, *where, at, at + sending.lease, hopeless=at - PATIENCE)
    if call is None:
        return None
    letters, rows = sending.letters, deliveries.many(session, call.members)
    mine = [rows[m] for m in call.members if m in rows and rows[m].call_id == call.id and rows[m].state in UNSETTLED]
    if not mine:
        call.state, call.bodies = "done", None
    stay = _stay(session, sending, mine, now.course) if call.bodies else frozenset()
    return Case(
        call_id=call.id,
        marked_at=call.marked_at,
        members=call.members,
        open=[row.id for row in mine],
        left=frozenset(call.members) - stay,
        send_ids=[send_id_of(session, letters, row) for row in mine],
        neighbour=_neighbour(session, letters, call) if mine and sending.provider.settle is not None else None,
        bodies=bundle.unpack(call.bodies) if call.bodies else [],
        elsewhere=(call.provider, call.account) != where,
        restored=call.kind == restoring.RESTORED,
        undated=bool(call.bodies) or call.kind in {restoring.RESTORED, restoring.HELD},
    )


def ask(provider: Provider, case: Case, now: datetime) -> list[Outcome]:
    """Climbs the ladder for the open members; one outcome each. No transaction is open."""
    if not case.open:
        return []
    if case.elsewhere:
        return [Uncertain("it went through another account, which cannot be asked from here") for _ in case.open]
    if provider.honours_keys and case.bodies and now - case.marked_at < KEYS_LIVE:
        return _replayed(provider, case)
    if provider.settle is not None:
        return _looked_up(provider, case, settled=now - case.marked_at >= provider.settle)
    return [Uncertain("nobody can say whether it was taken") for _ in case.open]


def settle(session: Session, case: Case, outcomes: Sequence[Outcome], now: Now, backoff: Backoff) -> None:
    """Records what the ladder found, and plans what waited for it."""
    if not case.open:
        return
    recording.record(session, case.call_id, case.open, outcomes, now.machine, backoff, settling=True)
    if case.undated:  # a replay may have been what the provider took first; a backup knows nothing of what came after
        accepted = [m for m, outcome in zip(case.open, outcomes, strict=True) if isinstance(outcome, Accepted)]
        recording.went_later(session, deliveries.many(session, accepted).values(), now.course)
    if now.machine - case.marked_at >= PATIENCE:
        _resign(session, case.open, now.machine)
        # Nobody asks any more; an event or a coach may still settle it.
        calls.save(session, case.call_id, state="done", bodies=None)
    if case.restored:
        mine = (row for row in deliveries.many(session, case.open).values() if row.call_id == case.call_id)
        restoring.forget(session, [row for row in mine if row.state == Sent.QUEUED and not row.resent_at])
    recording.release(session, case.open)


def _replayed(provider: Provider, case: Case) -> list[Outcome]:
    """The same bytes under the same keys: the provider answers as it did, or takes it for the first time."""
    answers: dict[int, Outcome] = {}
    for index, body in enumerate(case.bodies):
        members = case.members[index * provider.batch_size : (index + 1) * provider.batch_size]
        key = request_key(case.call_id, index)
        answers |= zip(members, _replay(provider, body, key, members, case.left), strict=True)
    return [answers[member] for member in case.open]


def _replay(
    provider: Provider, body: bytes, key: str, members: Sequence[int], left: frozenset[int]
) -> Sequence[Outcome]:
    stay = [member for member in members if member not in left]
    if not stay:
        return [Uncertain("nobody is to get it now, so it is not tried again")] * len(members)
    if len(stay) < len(members):
        slim = provider.without(body, {place for place, member in enumerate(members) if member in left})
        answers = post(provider, slim, key, len(stay))
        if not any(isinstance(answer, Uncertain) and answer.key_taken for answer in answers):
            return _spread(stay, answers, members)
        # The key is known with other bytes: our first call arrived, and posting it again only reads its answer.
    return [recording.no_proof(answer) for answer in post(provider, body, key, len(members))]


def _spread(stay: Sequence[int], answers: Sequence[Outcome], members: Sequence[int]) -> list[Outcome]:
    """The answers to a call without those who left: had the first one been taken, the key would be known."""
    by_member = dict(zip(stay, map(recording.no_proof, answers), strict=True))
    taken = any(isinstance(answer, Accepted) for answer in answers)
    absent: Outcome = (
        Unreachable("it was not taken while it might go", scope="message") if taken else Uncertain("not known yet")
    )
    return [by_member.get(member, absent) for member in members]


def _looked_up(provider: Provider, case: Case, *, settled: bool) -> list[Outcome]:
    try:
        found = provider.look_up([*case.send_ids, case.neighbour] if case.neighbour else case.send_ids)
    except Exception as error:
        log.exception("the provider's adapter failed")
        return [Uncertain(f"the adapter failed: {error}") for _ in case.send_ids]
    # A question that does not even find what is there proves nothing: a wrong stream, an index that lags.
    exact = provider.settle == timedelta(0)  # the outbox: its search is the truth itself
    credible = settled and (exact or (case.neighbour is not None and found.get(case.neighbour) is not None))

    def outcome(identity: str) -> Outcome:
        if identity not in found:
            return Uncertain("the provider could not be asked")
        if (provider_id := found[identity]) is not None:
            return Accepted(provider_id)
        absent = Unreachable("the provider does not have it", scope="message")
        return absent if credible else Uncertain("not found yet")

    return [outcome(identity) for identity in case.send_ids]


def _resign(session: Session, members: Sequence[int], now: datetime) -> None:
    """Nobody could say for 72 hours: the course's policy decides, and the calendar goes on."""
    first: dict[int, datetime] = {}  # of a reader's lessons after a restored backup: the others keep their gaps
    for row in sorted(deliveries.many(session, members).values(), key=lambda row: row.created_at):
        if row.state != Sent.UNKNOWN or row.resigned_at:
            continue
        course = session.get_one(Course, row.course_id)
        if course.on_unknown == "resend" and row.resent_at is None and _wanted(session, row):
            wait = row.created_at - first.setdefault(row.enrollment_id or -row.id, row.created_at)
            row.state, row.not_before, row.resent_at = Sent.QUEUED, now + wait, now
        else:
            row.resigned_at = now
            text = "Nobody can say whether some mails arrived. See them with: course deliveries list"
            alarms.ring(session, "unknown", text, now)
    session.flush()


def post(provider: Provider, body: bytes, key: str, count: int, ready: Ready = always) -> list[Outcome]:
    """Makes a call. An adapter that stumbles, or miscounts, leaves all of it uncertain."""
    try:
        outcomes = provider.post(body, key, count, ready)
    except Exception as error:
        log.exception("the provider's adapter failed")
        return [Uncertain(f"the adapter failed: {error}")] * count
    if len(outcomes) != count:
        return [Uncertain(f"{len(outcomes)} outcomes for {count} messages")] * count
    return outcomes


def request_key(call_id: str, index: int) -> str:
    """The idempotency key of one request of a call."""
    return f"{call_id}-{index}"


def send_id_of(session: Session, letters: Letters, row: Delivery) -> str:
    """Our id of a delivery: the same for the same promise, whoever asks."""
    person = session.get_one(Subscriber, row.subscriber_id)
    what = row.lesson_id if row.lesson_id is not None else row.kind
    return send_id(letters.id_key, person.email_key, row.course_id, what, row.copy)


def _neighbour(session: Session, letters: Letters, call: Call) -> str | None:
    """A message of the same account that went at about the same time; best one that went later."""
    for other in calls.done_near(session, call, limit=5):
        rows = deliveries.many(session, other.members).values()
        accepted = next((row for row in rows if row.state == Sent.ACCEPTED and row.call_id == other.id), None)
        if accepted:
            return send_id_of(session, letters, accepted)
    return None


def _stay(session: Session, sending: Sending, rows: Sequence[Delivery], now: datetime) -> frozenset[int]:
    """Those to whom a replay may go: they still want it, and their window is open."""
    planners = Planners(session)
    wanted = (row for row in rows if _wanted(session, row))
    return frozenset(row.id for row in wanted if _may_leave(session, planners, sending, row, now))


def _may_leave(session: Session, planners: Planners, sending: Sending, row: Delivery, now: datetime) -> bool:
    """Whether a lesson may go at this very instant; a confirmation always may."""
    if row.enrollment_id is None:
        return True
    planner = planners[row.course_id]
    [reader] = enrollments.rows(session, [row.enrollment_id])
    may = planner.may_leave(reader, reader.timezone, row.asked_at, now, checks_window=sending.checks_window)
    return may and planner.course.paused_at is None


def _wanted(session: Session, row: Delivery) -> bool:
    """Whether the person still wants it, at this moment."""
    person = subscribers.by_id(session, row.subscriber_id)
    if person is None or subscribers.suppression(session, person.email_key):
        return False
    found = row.enrollment_id and enrollments.by_id(session, row.enrollment_id)
    return not found or found.status in {Enrolled.ACTIVE, Enrolled.FINISHED}

"""The record: what became of each message of a call, and what follows from it for the reader and for the lane."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from course.actions import lanes
from course.actions.lanes import Backoff
from course.actions.planning import Planners
from course.core.outcome import Accepted, Misconfigured, Outcome, Refused, Uncertain, Unreachable
from course.core.status import Enrolled, Sent, Suppressed
from course.store import alarms, calls, courses, deliveries, enrollments, subscribers
from course.store.models import Delivery

MAX_ATTEMPTS = 12  # of one message that the provider keeps putting off, some twelve hours; then it is a dead letter
UNKNOWN_EVERY = 600.0  # seconds until an unsettled call is looked at again, at most
HOLDS_AFTER = 3  # readers


def record(
    session: Session,
    call_id: str,
    members: Sequence[int],
    outcomes: Sequence[Outcome],
    now: datetime,
    backoff: Backoff,
    *,
    settling: bool = False,
) -> None:
    """Writes the outcomes of a call, in the order of its members. Only members that still belong to the call and are
    not settled are touched, so a late answer cannot overwrite a newer truth. `settling`: the caller has taken it up
    from whoever made it."""
    # Locked first: who takes it up meanwhile must be seen, and would lock the same readers in another order.
    call = calls.by_id(session, call_id, lock=True)
    if call is None:
        raise LookupError(f"call {call_id} is not in this database")
    late = not settling and call.state != "sending"
    if late and (call.bodies or call.state == "done"):
        outcomes = [no_proof(outcome) for outcome in outcomes]  # another worker may have posted it again meanwhile
    outcomes = lanes.own_faults(outcomes)
    # The lane before the readers, as the mark locks them.
    leased_until = None if late or settling else call.next_try_at
    lanes.note(session, call.provider, call.account, outcomes, now, backoff, leased_until=leased_until)
    by_class: dict[type[Outcome], list[tuple[int, Any]]] = defaultdict(list)
    for member, outcome in zip(members, outcomes, strict=True):
        by_class[type(outcome)].append((member, outcome))
    _accepted(session, call_id, _ids(by_class[Accepted]), now)
    _refused(session, call_id, [pair for pair in by_class[Refused] if pair[1].scope != "call"], now)
    _refused_together(session, call_id, [pair for pair in by_class[Refused] if pair[1].scope == "call"], now)
    _put_back(session, call_id, [*by_class[Unreachable], *by_class[Misconfigured]], now, backoff)
    _uncertain(session, call_id, by_class[Uncertain])
    call.state = "unknown" if by_class[Uncertain] else "done"
    if call.state == "done":
        call.bodies = None
    else:
        call.next_try_at = now + timedelta(seconds=min(backoff.cap, UNKNOWN_EVERY))
    if late:
        release(session, members)  # who took it up has held back the lessons after these


def no_proof(outcome: Outcome) -> Outcome:
    """ "Not taken now" does not say that another try of the same call was not taken either."""
    return Uncertain(outcome.reason) if isinstance(outcome, Unreachable | Misconfigured) else outcome


def _accepted(session: Session, call_id: str, ids: Sequence[int], now: datetime) -> None:
    deliveries.set_state(session, ids, Sent.ACCEPTED, call_id=call_id, done_at=now, reason=None, scope=None)


def _refused(session: Session, call_id: str, refused: Iterable[tuple[int, Refused]], now: datetime) -> None:
    for member, outcome in refused:
        what = {"scope": outcome.scope, "reason": outcome.reason[:500], "done_at": now}
        changed = deliveries.set_state(session, [member], Sent.REFUSED, call_id=call_id, **what)
        if changed and outcome.scope == "recipient":
            _stop(session, member, outcome.reason, now)
        elif changed:
            _hold_revision(session, member, outcome.reason, now)


def _refused_together(session: Session, call_id: str, refused: Sequence[tuple[int, Refused]], now: datetime) -> None:
    """Nobody knows yet which of them is to blame: surely not taken, and the worker halves them at once."""
    if refused:
        ids, reason = _ids(refused), refused[0][1].reason[:500]
        mine = [
            n
            for n in ids
            if deliveries.set_state(session, [n], Sent.QUEUED, call_id=call_id, reason=reason, not_before=now)
        ]
        hold_next(session, mine)


def _hold_revision(session: Session, delivery_id: int, reason: str, now: datetime) -> None:
    """The same text refused for three readers would be refused for all: it waits for a better one."""
    revision_id = deliveries.many(session, [delivery_id])[delivery_id].revision_id
    if revision_id and deliveries.count_refused(session, revision_id, MAX_ATTEMPTS) >= HOLDS_AFTER:
        revision = courses.revision(session, revision_id)
        if revision.held_at is None:
            revision.held_at, revision.held_reason = now, f"held after {HOLDS_AFTER} refusals: {reason}"[:500]
            text = f"A lesson is held back. The provider refused it for {HOLDS_AFTER} readers: {reason}"
            alarms.ring(session, f"revision:{revision_id}", text, now)


def hold_next(session: Session, members: Sequence[int]) -> None:
    """Plans no lesson after these until they are settled. Nothing waits any more for one that was resigned."""
    if not members:
        return
    rows = deliveries.many(session, members).values()
    enrollments.hold(session, (row.enrollment_id for row in rows if row.enrollment_id and not row.resigned_at))


def _stop(session: Session, delivery_id: int, reason: str, now: datetime) -> None:
    """The address refuses: nothing more goes to it, in any course."""
    delivery = deliveries.many(session, [delivery_id])[delivery_id]
    person = subscribers.by_id(session, delivery.subscriber_id)
    if person:
        subscribers.suppress(session, person.email_key, Suppressed.BOUNCE, reason, now)
        enrollments.stop_all(session, person.id, reason, now)


def _put_back(
    session: Session,
    call_id: str,
    failed: Sequence[tuple[int, Unreachable | Misconfigured]],
    now: datetime,
    backoff: Backoff,
) -> None:
    """Surely not taken: queued again. The next lesson is not planned while this one waits."""
    if not failed:
        return
    attempts, queued = deliveries.attempts(session, _ids(failed)), []
    for member, outcome in failed:
        tried = attempts.get(member, 0)  # 0: the reader was erased meanwhile
        alone = isinstance(outcome, Unreachable) and outcome.scope == "message"
        if alone and tried >= MAX_ATTEMPTS:
            _refused(session, call_id, [(member, _given_up(outcome.reason, tried))], now)
            continue
        if not alone:
            tried -= 1  # trouble of the account or the road is not the message's
        asked = timedelta(seconds=outcome.after) if isinstance(outcome, Unreachable) and outcome.after else None
        when = now + (asked or backoff.after(tried, alone=alone))
        what = {"reason": outcome.reason[:500], "attempts": tried, "not_before": when, "resigned_at": None}
        if deliveries.set_state(session, [member], Sent.QUEUED, call_id=call_id, **what):
            queued.append(member)
    hold_next(session, queued)


def _given_up(reason: str, attempts: int) -> Refused:
    return Refused(f"given up after {attempts} tries: {reason}", "message")


def _uncertain(session: Session, call_id: str, uncertain: Sequence[tuple[int, Uncertain]]) -> None:
    def changed(member: int, outcome: Uncertain) -> bool:
        why = outcome.reason[:500]
        return deliveries.set_state(session, [member], Sent.UNKNOWN, call_id=call_id, reason=why) > 0

    hold_next(session, [member for member, outcome in uncertain if changed(member, outcome)])


def went_later(session: Session, rows: Iterable[Delivery], at: datetime) -> None:
    """The gap to the next lesson counts from when these went, if that was later than their mark; but not from one more
    copy of what had arrived."""
    counted = (row.enrollment_id for row in rows if row.enrollment_id and not deliveries.is_aside(session, row.id))
    enrollments.went_later(session, list(counted), at)


def release(session: Session, members: Sequence[int]) -> None:
    """Lets the next lesson go of the readers whose lesson was settled late: it waits in the queue, or is planned."""
    settled = deliveries.many(session, members).values()
    readers = [row.enrollment_id for row in settled if row.enrollment_id]
    deliveries.let_go(session, readers)
    plan_next(session, readers)


def plan_next(session: Session, ids: Collection[int]) -> None:
    """Plans the next lesson of these enrollments, unless one is not settled."""
    planners, plans = Planners(session), []
    for reader in enrollments.rows(session, ids):
        if reader.status == Enrolled.ACTIVE and not deliveries.unsettled(session, reader.id):
            excluded = enrollments.exclusions(session, [reader.id])[reader.id]
            plan = planners[reader.course_id].next(reader, reader.timezone, excluded)
            status = Enrolled.ACTIVE if plan else Enrolled.FINISHED
            plans.append({"key": reader.id, "due_at": plan and plan.due_at, "status": status})
    enrollments.save_plans(session, plans)


def _ids(pairs: Iterable[tuple[int, Any]]) -> list[int]:
    return [member for member, _ in pairs]

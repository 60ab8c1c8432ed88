"""The guard against a restored backup: nothing that may have gone already goes again.

A database is vouched for by the journals on this machine, if it knows their last calls, or by another worker's
heartbeat of the last two minutes; one that no worker ever used needs nobody. If a journal knows a call that the
database does not, or nobody vouches, the database is older than what was sent: actions/restoring.py brings it up to
date before anything is marked, and the guard stands until the last of what it held is settled.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from course.actions import restoring, signup
from course.actions.restoring import HELD, RESTORED
from course.actions.sending import Sending
from course.core.clock import Now
from course.core.status import Enrolled, Sent
from course.core.tokens import send_id
from course.store import alarms, calls, deliveries, enrollments, installation, subscribers
from course.store.journal import Witness

FRESH = timedelta(minutes=2)
ALARM = "restored"


def check(session: Session, sending: Sending, witness: Witness, *, now: Now, alone: bool) -> bool:
    """At a worker's start, and when the database does not know its last call. True if the guard was set. `alone`: no
    other machine can have used this database."""
    newest, beat = calls.newest(session), installation.last_beat(session)
    backup, id_key = beat or (newest.marked_at if newest else None), sending.letters.id_key
    if any(calls.by_id(session, call) is None for call in witness.last_calls):
        why = "This database is older than the last mails that this machine sent"
    elif witness.since or backup is None or (beat and now.machine - beat < FRESH):
        _bring_departures(session, id_key, witness, backup, now.machine)
        return False
    else:
        why = "No journal on this machine remembers this database"
    complete = alone and bool(witness.since and backup and witness.since <= backup)
    # Clocks of other machines may go before ours: what was posted a little earlier is looked at as well.
    restoring.bring_up_to_date(session, sending, witness, backup and backup - FRESH, now, complete=complete)
    _bring_departures(session, id_key, witness, backup, now.machine)
    installation.the(session).guard_at = now.machine
    text = f"{why}. What may have gone already is held until that is known. See: course deliveries list, course vouch"
    alarms.ring(session, ALARM, text, now.machine)
    return True


def lift_when_done(session: Session, now: datetime) -> None:
    """Nothing that was held is left to settle."""
    row = installation.the(session)
    if row.guard_at and not calls.open_of_kind(session, RESTORED, HELD):
        _lift(session, now)


def vouch(session: Session, now: datetime) -> int:
    """Somebody says that this database is the truth: what was held goes, each lesson in its time. How many."""
    released = 0
    for call in calls.open_of_kind(session, RESTORED, HELD):
        rows = deliveries.many(session, call.members).values()
        mine = [row for row in rows if row.state == Sent.UNKNOWN and row.call_id == call.id]
        if call.kind == RESTORED:
            restoring.forget(session, mine)
        else:
            deliveries.set_state(session, [row.id for row in mine], Sent.QUEUED, call_id=call.id, not_before=now)
        call.state = "done"
        released += len(mine)
    _lift(session, now)
    return released


def _lift(session: Session, now: datetime) -> None:
    installation.the(session).guard_at = None
    alarms.clear(session, ALARM, now)


def departure(id_key: bytes, email_key: str, course_id: int) -> str:
    """How a journal names who left which course, without the address."""
    return send_id(id_key, "left", email_key, course_id)


def _bring_departures(
    session: Session, id_key: bytes, witness: Witness, backup: datetime | None, now: datetime
) -> None:
    """Who left after the backup has left, though nothing may have been sent since. What the database knows better (they
    left, and perhaps came back) stays. Journals count in whole seconds."""
    since, here = backup and backup.replace(microsecond=0), (Enrolled.ACTIVE, Enrolled.FINISHED)
    for at, name, subscriber in witness.departures:
        if since and at < since:
            continue
        for enrollment, email_key in enrollments.with_keys(session, subscriber, *here):
            course = enrollment.course_id
            named = departure(id_key, email_key, course) == name
            if named and not subscribers.decided(session, subscriber, course, at):
                signup.leave(session, enrollment, signup.Origin(source="journal"), now=now)

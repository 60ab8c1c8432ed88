"""The guard against a restored backup: nothing that may have gone already goes again.

A database is vouched for by the journals on this machine, if it knows their last calls, or by another worker's
heartbeat of the last two minutes. If nobody vouches, or a journal knows a call that the database does not, then
whatever fell due or was queued until now is born `unknown` and climbs the ladder (actions/settling.py): the journal,
the provider, its events, a coach. What falls due later goes as always.
"""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from course.actions import signup
from course.core.clock import Now
from course.core.status import Enrolled, Sent
from course.core.tokens import send_id
from course.store import alarms, calls, deliveries, enrollments, installation
from course.store.journal import Witness
from course.store.models import Call

FRESH = timedelta(minutes=2)
ALARM = "restored"
RESTORED = "restored"  # the kind of a call that was perhaps never made by this database


def check(session: Session, id_key: bytes, witness: Witness, *, now: Now, alone: bool) -> bool:
    """At a worker's start. True if the guard was set. `alone`: no other machine can have used this database."""
    newest = calls.newest(session)
    forgotten = [call for call in witness.last_calls if calls.by_id(session, call) is None]
    if forgotten:
        backup = installation.last_beat(session) or (newest.marked_at if newest else None)
        complete = alone and bool(witness.since and backup and witness.since <= backup)
        _bring_departures(session, id_key, witness, backup, now.machine)
        trip(session, now, complete=complete, why="This database is older than the last mails that this machine sent")
        return True
    beat = installation.last_beat(session)
    if newest is None or witness.since or (beat and now.machine - beat < FRESH):
        return False
    trip(session, now, complete=False, why="No journal on this machine remembers this database")
    return True


def trip(session: Session, now: Now, *, complete: bool, why: str) -> None:
    """Sets the guard: from this moment backwards, nothing is taken for unsent."""
    row = installation.the(session)
    row.guard_at, row.guard_until, row.guard_complete = now.machine, now.course, complete
    text = f"{why}. What may have gone already is held until that is known. See: course deliveries list, course vouch"
    alarms.ring(session, ALARM, text, now.machine)


def lift_when_done(session: Session, now: datetime) -> None:
    """Nothing of the time before is left to settle."""
    row = installation.the(session)
    if row.guard_at is None or row.guard_until is None or calls.open_of_kind(session, RESTORED):
        return
    if not enrollments.any_due(session, row.guard_until) and not deliveries.any_queued(session, row.guard_at):
        _lift(session, now)


def vouch(session: Session, now: datetime) -> int:
    """Somebody says that this database is the truth: what was held by the guard is sent. How many."""
    released = 0
    for call in calls.open_of_kind(session, RESTORED):
        released += deliveries.set_state(session, call.members, Sent.QUEUED, call_id=call.id, not_before=now)
        call.state = "done"
    _lift(session, now)
    return released


def _lift(session: Session, now: datetime) -> None:
    row = installation.the(session)
    row.guard_at = row.guard_until = None
    alarms.clear(session, ALARM, now)


def note_restored(session: Session, call_id: str, provider: str, account: str, members: list[int], now: Now) -> None:
    """A call that perhaps was made by the database as it was before; the ladder takes it up at once."""
    session.add(
        Call(
            id=call_id,
            provider=provider,
            account=account,
            kind=RESTORED,
            state="unknown",
            members=members,
            marked_at=now.machine,
            lease_until=now.machine,
            next_try_at=now.machine,
        )
    )


def departure(id_key: bytes, email_key: str, course_id: int) -> str:
    """How a journal names who left which course, without the address."""
    return send_id(id_key, "left", email_key, course_id)


def _bring_departures(
    session: Session, id_key: bytes, witness: Witness, backup: datetime | None, now: datetime
) -> None:
    """Who left after the backup has left."""
    gone = {name for at, name in witness.departures if backup is None or at > backup}
    if not gone:
        return
    origin = signup.Origin(source="journal")
    for enrollment, email_key in enrollments.with_keys(session, Enrolled.ACTIVE, Enrolled.FINISHED):
        if departure(id_key, email_key, enrollment.course_id) in gone:
            signup.leave(session, enrollment, origin, now=now)

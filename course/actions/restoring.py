"""A database that was put back is brought up to date: what went since the backup, or may have gone, becomes rows again.

All in one transaction, so nothing that a reader or a coach does afterwards can move a lesson out of sight. What the
journals know as accepted is accepted. What they know as posted is `unknown` and climbs the ladder of
actions/settling.py. Where they cannot know everything, so is what fell due since the backup, and what was queued or on
its way in it. What turns out never to have gone is forgotten, and planned as if it had never been held.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import repeat, takewhile
from typing import Any

from sqlalchemy.orm import Session

from course.actions import recording
from course.actions.planning import PAGE, Planner, Planners
from course.actions.sending import Sending
from course.core.clock import Now
from course.core.sequence import Step
from course.core.status import Enrolled, Sent
from course.core.tokens import send_id
from course.store import calls, courses, deliveries, enrollments
from course.store.deliveries import COPY_AGAIN
from course.store.journal import Posted, Witness
from course.store.models import Delivery

RESTORED = "restored"  # the kind of a call that this database perhaps made: its deliveries are no more than a suspicion
HELD = "held"  # likewise, of deliveries that were promised before the backup
WHY = "restored from a backup"
READERS = 500  # in one such call, at most: one lease must be enough to ask about all of it


def bring_up_to_date(
    session: Session, sending: Sending, witness: Witness, since: datetime | None, now: Now, *, complete: bool
) -> None:
    """`since`: when the backup was made, not later; None: nobody knows. `complete`: the journals know everything that
    was sent since then."""
    work = _Restoring(session, sending, witness, since, now, complete)
    work.promised()
    planners = Planners(session)
    for course in courses.all_courses(session):
        last = 0
        while readers := enrollments.page(session, course.id, after=last, limit=PAGE):
            work.lessons(planners[course.id], readers)
            last = readers[-1].id
    work.finish()


@dataclass(slots=True)
class _Restoring:
    session: Session
    sending: Sending
    witness: Witness
    since: datetime | None
    now: Now
    complete: bool
    members: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))  # by kind and call
    calls: dict[str, Iterator[str]] = field(init=False)  # for each kind the id of the call that one more belongs to

    def __post_init__(self) -> None:
        self.calls = {kind: self._ids() for kind in (HELD, RESTORED)}

    def _ids(self) -> Iterator[str]:
        while True:
            yield from repeat(self.sending.new_call_id(), READERS)

    def promised(self) -> None:
        """What the backup has as queued, on its way or unknown."""
        for row, email_key in deliveries.open_with_keys(self.session):
            call = next(self.calls[HELD])
            found, row.copy = self._posted(email_key, row.course_id, row.lesson_id or row.kind, row.copy)
            if found:  # even if nobody knows yet whether it arrived
                recording.went_later(self.session, [row], found.at)
            if found and found.accepted:
                row.state, row.done_at, row.reason, row.scope = Sent.ACCEPTED, found.at, None, None
            elif self.complete and (found is None or found.call == row.call_id):
                continue  # nothing happened to it that the backup does not know
            else:  # the call that the backup knows must not be made again: another one may have followed
                row.state, row.call_id, row.reason = Sent.UNKNOWN, call, WHY
            self.members[HELD, call].append(row.id)
        self.session.flush()

    def lessons(self, planner: Planner, readers: Sequence[Any]) -> None:
        excluded = enrollments.exclusions(self.session, (reader.id for reader in readers))
        rows, plans = [], []
        for reader in readers:
            gone = list(self._gone(planner, reader, excluded.get(reader.id, set())))
            if gone:
                rows += gone
                plans.append(_plan(planner, reader, gone, excluded.get(reader.id, set())))
        enrollments.save_plans(self.session, plans)
        for identity, row in zip(deliveries.add(self.session, rows), rows, strict=True):
            self.members[RESTORED, row["call_id"]].append(identity)

    def _gone(self, planner: Planner, reader: Any, excluded: Collection[int]) -> Any:
        """A row for each lesson that went, or may have gone; those of one reader belong to one call."""
        timetable, due, call = planner.timetable(reader), {}, ""
        if not self.complete and reader.status == Enrolled.ACTIVE:
            rest = planner.rest(reader, reader.timezone, excluded, first_at=reader.due_at)
            due = {plan.step.lesson: plan.due_at for plan in takewhile(lambda p: p.due_at <= self.now.course, rest)}
        for number, step in enumerate(timetable.steps, 1):
            if step.lesson in reader.had or step.lesson in excluded:
                continue
            found, copy = self._posted(reader.email_key, reader.course_id, step.lesson, reader.copy)
            if found or step.lesson in due:
                at = found.at if found else due[step.lesson]
                call = call or next(self.calls[RESTORED])
                place = {"copy": copy, "number": number, "count": len(timetable.steps), "call_id": call}
                yield self._row(reader, step, at, accepted=bool(found and found.accepted)) | place

    def _row(self, reader: Any, step: Step, at: datetime, *, accepted: bool) -> dict[str, Any]:
        return {
            "kind": "lesson",
            "subscriber_id": reader.subscriber_id,
            "course_id": reader.course_id,
            "enrollment_id": reader.id,
            "lesson_id": step.lesson,
            "revision_id": step.revision,
            "state": Sent.ACCEPTED if accepted else Sent.UNKNOWN,
            "reason": None if accepted else WHY,
            "attempts": 1,
            "created_at": at,
            "done_at": at if accepted else None,
        }

    def _posted(self, email_key: str, course: int, what: str | int, copy: int) -> tuple[Posted | None, int]:
        """What the journals say of a promise, and of which copy: a second one is the same lesson."""
        for one in (copy + COPY_AGAIN, copy):
            identity = send_id(self.sending.letters.id_key, email_key, course, what, one)
            if found := self.witness.posted(identity, self.since):
                return found, one
        return None, copy

    def finish(self) -> None:
        """Stores what is to be settled, and plans for those who have nothing to wait for."""
        for (kind, call), members in self.members.items():
            calls.add(
                self.session,
                id=call,
                provider=self.sending.provider.name,
                account=self.sending.account,
                kind=kind,
                state="unknown",
                members=members,
                marked_at=self.now.machine,
                next_try_at=self.now.machine,
            )
            recording.hold_next(self.session, members)
        for members in self.members.values():
            recording.release(self.session, members)


def _plan(planner: Planner, reader: Any, gone: Sequence[dict[str, Any]], excluded: Collection[int]) -> dict[str, Any]:
    """The reader's row after these lessons went; when the next one is due is for `finish`."""
    had = [*reader.had, *(row["lesson_id"] for row in gone)]
    done = reader.status == Enrolled.ACTIVE and planner.timetable(reader).next_step(had, excluded) is None
    return {
        "key": reader.id,
        "had": had,
        "anchor_at": max(reader.anchor_at, *(row["created_at"] for row in gone)),
        "asked_at": None,
        "due_at": None,
        "status": Enrolled.FINISHED if done else reader.status,
    }


def forget(session: Session, rows: Sequence[Delivery]) -> None:
    """These never went: their readers are planned for as if they had never been held."""
    deliveries.remove(session, [row.id for row in rows])
    readers = [row.enrollment_id for row in rows if row.enrollment_id]
    for row, found in zip(rows, readers, strict=True):
        reader = enrollments.the(session, found)
        reader.had = [lesson for lesson in reader.had if lesson != row.lesson_id]
        reader.anchor_at = deliveries.last_went(session, reader.id) or reader.enrolled_at
        if reader.status == Enrolled.FINISHED:
            reader.status = Enrolled.ACTIVE
    session.flush()
    recording.plan_next(session, readers)

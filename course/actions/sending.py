"""The mark: one durable transaction before the provider is called.

Whoever is due and may get mail now gets a Delivery in state `sending`, their next lesson is planned, and the Call is
stored with its members in order. A killed worker that had not marked lets go by rollback; one that had leaves a Call,
which `settling` takes up. What the provider answered is for `recording`.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy.orm import Session

from course.actions import guarding, recording, signup
from course.actions.letters import Letters, Place, Recipient
from course.actions.planning import Planner, Planners
from course.core import bundle
from course.core.caps import Caps
from course.core.clock import Now
from course.core.letter import Letter, Message
from course.core.sequence import Step
from course.core.status import Enrolled, Sent
from course.mail.provider import Provider
from course.store import calls, courses, deliveries, enrollments, installation
from course.store.models import Installation, Lane

Kind = Literal["confirm", "lesson"]
GROUP = 32  # calls made at once where a provider takes one message per call


@dataclass(frozen=True, slots=True)
class Batch:
    """What one mark decided to send: `members` are delivery ids in the order of `messages`; `bodies` are the requests,
    each for up to the provider's batch size of messages."""

    call_id: str
    members: list[int]
    messages: list[Message]
    bodies: list[bytes]


@dataclass(frozen=True, slots=True)
class Sending:
    """The way out through one provider account."""

    provider: Provider
    account: str
    letters: Letters
    lease: timedelta  # after it, others may take the call up
    checks_window: bool  # False where the course calendar runs fast: then the plan alone decides
    new_call_id: Callable[[], str]
    caps: Caps = field(default_factory=Caps)

    def mark(self, session: Session, kind: Kind, now: Now, only: Collection[int] | None = None) -> Batch | None:
        """Takes what is due and stores the call for it. None: nothing is due, or nothing may go now. A batch without
        members: rows were planned anew, and there may be more to do. `only` names queued deliveries, no others."""
        lane = calls.lane(session, self.provider.name, self.account, lock=self.caps.on)
        if lane.failures:
            lane = calls.lane(session, self.provider.name, self.account, lock=True)
        size = self._size(lane, kind, now.machine)
        if size <= 0:
            return None
        marking = _Marking(self, session, now, self.new_call_id())
        found = marking.confirmations(size, only) if kind == "confirm" else marking.lessons(size, only)
        if not found:
            return None
        if lane.failures:
            lane.paused_until = now.machine + self.lease  # one probe at a time; its answer says how to go on
        if self.caps.on:
            calls.spend(lane, len(marking.members), now.machine)
        return marking.batch(kind)

    def _size(self, lane: Lane, kind: Kind, now: datetime) -> int:
        """How many messages this mark may take."""
        if lane.paused_until and lane.paused_until > now:
            return 0
        if lane.failures:
            return 1  # after trouble, a single probe
        size = max(self.provider.batch_size, GROUP)
        spent = calls.spent(lane, now)
        left = self.caps.left(this_second=spent.second, today=spent.today, day=spent.day, service=kind == "confirm")
        return size if left is None else min(size, left)


@dataclass(slots=True)
class _Marking:
    """One marking transaction."""

    sending: Sending
    session: Session
    now: Now
    call_id: str
    planners: Planners = field(init=False)
    guard: Installation = field(init=False)
    restored_call: str = field(init=False)
    members: list[int] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    restored: list[int] = field(default_factory=list)  # may have gone before the database was restored
    letters: dict[int, tuple[Letter | None, str]] = field(default_factory=dict)  # by revision

    def __post_init__(self) -> None:
        self.planners = Planners(self.session)
        self.guard = installation.the(self.session)
        self.restored_call = self.sending.new_call_id()

    def batch(self, kind: Kind) -> Batch:
        provider, bodies = self.sending.provider, self._bodies()
        if self.members:
            lease_until = self.now.machine + self.sending.lease
            calls.add(
                self.session,
                id=self.call_id,
                provider=provider.name,
                account=self.sending.account,
                kind=kind,
                state="sending",
                members=self.members,
                bodies=bundle.pack(bodies) if provider.honours_keys else None,
                marked_at=self.now.machine,
                lease_until=lease_until,
                next_try_at=lease_until,
            )
        if self.restored:
            where = (provider.name, self.sending.account)
            guarding.note_restored(self.session, self.restored_call, *where, self.restored, self.now)
        return Batch(self.call_id, self.members, self.messages, bodies)

    def _bodies(self) -> list[bytes]:
        """The requests. A message that cannot be built is set aside: it must not keep the others from going."""
        size = self.sending.provider.batch_size
        try:
            return [
                self.sending.provider.build(self.messages[i : i + size]) for i in range(0, len(self.messages), size)
            ]
        except Exception:
            self._set_aside_what_cannot_be_built()
            return self._bodies()

    def _set_aside_what_cannot_be_built(self) -> None:
        good = []
        for member, message in zip(self.members, self.messages, strict=True):
            try:
                self.sending.provider.build([message])
                good.append((member, message))
            except Exception as error:
                deliveries.change(self.session, member, **self._refusal(f"the mail cannot be built: {error}"))
        if len(good) == len(self.members):
            raise RuntimeError("each message can be built, but not all together")
        self.members, self.messages = [member for member, _ in good], [message for _, message in good]

    def confirmations(self, limit: int, only: Collection[int] | None) -> bool:
        queued = deliveries.take_queued(self.session, "confirm", self.now.machine, limit, only)
        for row in queued:
            if self._maybe_gone(row):
                self._hold_restored(row)
                continue
            if not signup.may_confirm(self.session, row.email_key, self.now.machine):
                self._cancel(row, "the address may not be mailed")
                continue
            course = self.planners[row.course_id].course
            message = self.sending.letters.confirm_message(
                course,
                subscriber=row.subscriber_id,
                email=row.email,
                email_key=row.email_key,
                copy=row.copy,
                now=self.now.machine,
            )
            self._again(row)
            self._join(row.id, message)
        return bool(queued)

    def lessons(self, limit: int, only: Collection[int] | None) -> bool:
        """Lessons that were put back come first, then whoever is due, oldest first."""
        queued = deliveries.take_queued(self.session, "lesson", self.now.machine, limit, only)
        room = limit - len(queued) if only is None else 0
        due = enrollments.take_due(self.session, self.now.course, room) if room else ()
        self._queued_lessons(queued)
        self._due_lessons(due)
        return bool(queued or due)

    def _queued_lessons(self, queued: Sequence[Any]) -> None:
        readers = {row.id: row for row in enrollments.rows(self.session, (row.enrollment_id for row in queued))}
        for row in queued:
            if self._maybe_gone(row):
                self._hold_restored(row)
                continue
            reader, planner = readers[row.enrollment_id], self.planners[row.course_id]
            step = next((s for s in planner.timetable(reader).steps if s.lesson == row.lesson_id), None)
            if reader.status not in {Enrolled.ACTIVE, Enrolled.FINISHED} or row.suppressed or step is None:
                self._cancel(row, "no longer wanted")
            elif not self._may_leave(planner, reader, row.asked_at):
                opening = planner.opening(reader, reader.timezone, self.now.course)
                wait = opening - self.now.course
                deliveries.change(self.session, row.id, not_before=self.now.machine + wait)
            else:
                self._send_again(row, reader, planner, step)

    def _send_again(self, row: Any, reader: Any, planner: Planner, step: Step) -> None:
        letter, problem = self._letter(planner, step.revision)
        if letter is None:
            deliveries.change(self.session, row.id, **self._refusal(problem))
        else:
            place = _place(row.id, planner, reader, step, row.copy)
            # Its revision is pinned anew, since no copy of it was ever taken.
            self._again(row, revision_id=step.revision, number=place.number, count=place.count)
            self._join(row.id, self._message(letter, planner, reader, place))
        excluded = enrollments.exclusions(self.session, [reader.id])[reader.id]
        enrollments.save_plans(self.session, [_moved(planner, reader, step, excluded, self.now.course)])

    def _due_lessons(self, due: Sequence[Any]) -> None:
        excluded = enrollments.exclusions(self.session, (reader.id for reader in due)) if due else {}
        going: list[tuple[Any, Planner, Step]] = []
        moved, waiting, finished = [], [], []
        for reader in due:
            planner, out = self.planners[reader.course_id], excluded.get(reader.id, set())
            step = planner.timetable(reader).next_step(reader.had, out)
            if step is None:
                finished.append({"key": reader.id, "due_at": None, "status": Enrolled.FINISHED})
            elif not self._may_leave(planner, reader, reader.asked_at):
                opening = planner.opening(reader, reader.timezone, self.now.course)
                waiting.append({"key": reader.id, "due_at": opening, "asked_at": None})
            else:
                going.append((reader, planner, step))
                # What was perhaps sent already went when it was due; the gap to the next one counts from there.
                went_at = reader.due_at if self._due_before_restore(reader) else self.now.course
                moved.append(_moved(planner, reader, step, out, went_at))
        for plans in (moved, waiting, finished):
            enrollments.save_plans(self.session, plans)
        self._new_deliveries(going)
        if self.restored:
            recording.hold_next(self.session, self.restored)

    def _new_deliveries(self, going: Sequence[tuple[Any, Planner, Step]]) -> None:
        rows = []
        for reader, planner, step in going:
            place = _place(0, planner, reader, step, reader.copy)
            letter, problem = self._letter(planner, step.revision)
            state = {"state": Sent.SENDING, "call_id": self.call_id, "scope": None, "reason": None, "done_at": None}
            if self._due_before_restore(reader):
                state |= {"state": Sent.UNKNOWN, "call_id": self.restored_call, "reason": "restored from a backup"}
            elif letter is None:
                state |= self._refusal(problem)
            rows.append(self._row(reader, step, place) | state)
        for identity, row, (reader, planner, step) in zip(deliveries.add(self.session, rows), rows, going, strict=True):
            letter, _ = self._letter(planner, step.revision)
            if row["state"] == Sent.UNKNOWN:
                self.restored.append(identity)
            elif letter:
                place = Place(identity, step.lesson, reader.copy, row["number"], row["count"])
                self._join(identity, self._message(letter, planner, reader, place))

    def _row(self, reader: Any, step: Step, place: Place) -> dict[str, Any]:
        return {
            "kind": "lesson",
            "subscriber_id": reader.subscriber_id,
            "course_id": reader.course_id,
            "enrollment_id": reader.id,
            "lesson_id": step.lesson,
            "copy": reader.copy,
            "revision_id": step.revision,
            "number": place.number,
            "count": place.count,
            "asked_at": reader.asked_at,
            "attempts": 1,
            "created_at": self.now.machine,
        }

    def _letter(self, planner: Planner, revision_id: int) -> tuple[Letter | None, str]:
        """The compiled letter; or None and why not: one lesson that cannot be rendered stops no other."""
        if revision_id not in self.letters:
            self.letters[revision_id] = self._compiled(planner, revision_id)
        return self.letters[revision_id]

    def _compiled(self, planner: Planner, revision_id: int) -> tuple[Letter | None, str]:
        revision = courses.revision(self.session, revision_id)
        if revision.held_at:
            return None, revision.held_reason or "held"
        try:
            return self.sending.letters.lesson(planner.course, revision.source), ""
        except Exception as error:  # whatever a lesson's text does, it is that lesson's fault
            return None, f"the lesson cannot be rendered: {error}"

    def _message(self, letter: Letter, planner: Planner, reader: Any, place: Place) -> Message:
        to = Recipient(reader.id, reader.links, reader.email, reader.email_key, reader.name)
        return self.sending.letters.lesson_message(letter, planner.course, to, place)

    def _may_leave(self, planner: Planner, reader: Any, asked_at: datetime | None) -> bool:
        at, checks_window = self.now.course, self.sending.checks_window
        return planner.may_leave(reader, reader.timezone, asked_at, at, checks_window=checks_window)

    def _due_before_restore(self, reader: Any) -> bool:
        return bool(self.guard.guard_until and reader.due_at <= self.guard.guard_until)

    def _maybe_gone(self, row: Any) -> bool:
        """Queued before the database was restored: perhaps it went after the backup was made."""
        return bool(self.guard.guard_at and row.created_at <= self.guard.guard_at)

    def _hold_restored(self, row: Any) -> None:
        held = {"state": Sent.UNKNOWN, "call_id": self.restored_call, "reason": "restored from a backup"}
        deliveries.change(self.session, row.id, **held)
        self.restored.append(row.id)

    def _join(self, member: int, message: Message) -> None:
        self.members.append(member)
        self.messages.append(message)

    def _again(self, row: Any, **values: Any) -> None:
        values |= {"state": Sent.SENDING, "call_id": self.call_id, "attempts": row.attempts + 1}
        deliveries.change(self.session, row.id, **values)

    def _cancel(self, row: Any, reason: str) -> None:
        deliveries.change(self.session, row.id, state=Sent.CANCELLED, reason=reason, done_at=self.now.machine)

    def _refusal(self, problem: str) -> dict[str, Any]:
        return {
            "state": Sent.REFUSED,
            "scope": "message",
            "reason": problem[:500],
            "done_at": self.now.machine,
            "call_id": None,
        }


def _place(delivery: int, planner: Planner, reader: Any, step: Step, copy: int) -> Place:
    timetable = planner.timetable(reader)
    return Place(delivery, step.lesson, copy, timetable.number(step.lesson), len(timetable.steps))


def _moved(planner: Planner, reader: Any, step: Step, excluded: set[int], at: datetime) -> dict[str, Any]:
    """The reader's row after this lesson went: the next one is planned at once."""
    plan = planner.after(reader, reader.timezone, step.lesson, at, excluded)
    return {
        "key": reader.id,
        "anchor_at": at,
        "asked_at": None,
        "had": [*reader.had, step.lesson] if step.lesson not in reader.had else reader.had,
        "due_at": plan and plan.due_at,
        "status": Enrolled.ACTIVE if plan else Enrolled.FINISHED,
    }

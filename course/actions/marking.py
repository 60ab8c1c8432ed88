"""The mark: who is due and may get mail now gets a delivery, and their next lesson is planned.

Suppression, leaving, pause and window are checked here, in the transaction that marks.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from course.actions import profiling, recording, signup
from course.actions.letters import Place, Recipient
from course.actions.planning import Planner
from course.actions.sending import Batch, Kind, Marking, Sending
from course.core import blocks
from course.core.clock import Now
from course.core.letter import Letter, Message
from course.core.profile import Profile
from course.core.sequence import Step, Timetable
from course.core.status import Enrolled, Sent
from course.store import calls, courses, deliveries, enrollments, profiles, subscribers

DOUBT = timedelta(hours=1)  # until a lesson is looked at again whose way is barred; what settles the other lets it go


def mark(sending: Sending, session: Session, kind: Kind, now: Now, only: Collection[int] | None = None) -> Batch | None:
    """Takes what is due and stores the call for it. None: nothing is due, or nothing may go now. A batch without
    members: rows were planned anew, and there may be more to do. `only` names queued deliveries, no others."""
    lane = calls.lane(session, sending.provider.name, sending.account, lock=sending.caps.on)
    if lane.failures:
        lane = calls.lane(session, sending.provider.name, sending.account, lock=True)
    size = sending.room(lane, kind, now.machine, counted=only is not None)
    if size <= 0:
        return None
    marking = _Marking(sending, session, now, sending.new_call_id())
    probe = bool(lane.failures)
    found = marking.confirmations(size, only) if kind == "confirm" else marking.lessons(size, only, probe=probe)
    if not found:
        return None
    if probe and marking.members:  # what is put off or cancelled is no probe
        lane.paused_until = now.machine + sending.lease  # one at a time; its answer says how to go on
    if sending.caps.on and only is None:
        calls.spend(lane, len(marking.members), now.machine)
    # Sign-ups come one by one: what a crowd of them left in half a second goes as one call, not as many small ones.
    return marking.batch(kind, more=kind == "lesson" or not 0 < len(marking.members) < size)


@dataclass(slots=True)
class _Marking(Marking):
    """Confirmations, and lessons."""

    letters: dict[Any, tuple[Letter | None, str]] = field(default_factory=dict)  # by revision and the reader's numbers
    runners: dict[int, Profile] = field(default_factory=dict)  # by subscriber; only those who told something

    def confirmations(self, limit: int, only: Collection[int] | None) -> bool:
        queued = deliveries.take_queued(self.session, "confirm", self.now.machine, limit, only)
        memories = subscribers.remembered(self.session, [row.email_key for row in queued])
        for row in queued:
            if not signup.may_confirm(memories[row.email_key], self.now.machine):
                self.cancel(row, "the address may not be mailed")
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
            self.join(row.id, message)
        deliveries.take_again(self.session, self.members, self.call_id)
        return bool(queued)

    def lessons(self, limit: int, only: Collection[int] | None, *, probe: bool) -> bool:
        """Lessons that were put back come first, then whoever is due, oldest first. For a probe it is the other way
        round: one that was put back because of itself would keep the lane closed for all."""
        due: Sequence[Any] = ()
        if probe and only is None:
            due = enrollments.take_due(self.session, self.now.course, limit)
        queued = deliveries.take_queued(self.session, "lesson", self.now.machine, limit, only) if not due else ()
        if not probe and only is None and len(queued) < limit:
            due = enrollments.take_due(self.session, self.now.course, limit - len(queued))
        self.runners = profiles.of(self.session, [row.subscriber_id for row in (*queued, *due)])
        self._queued_lessons(queued)
        self._due_lessons(due)
        return bool(queued or due)

    def _queued_lessons(self, queued: Sequence[Any]) -> None:
        readers = {row.id: row for row in enrollments.rows(self.session, (row.enrollment_id for row in queued))}
        for row in queued:
            reader, planner = readers[row.enrollment_id], self.planners[row.course_id]
            step = next((s for s in planner.timetable(reader).steps if s.lesson == row.lesson_id), None)
            if reader.status not in {Enrolled.ACTIVE, Enrolled.FINISHED} or row.suppressed:
                self.cancel(row, "no longer wanted")
            elif step is None:  # put back by a worker while a coach took the lesson out of the course
                self.cancel(row, "the lesson left the course")
                recording.release(self.session, [row.id])
            elif not self._may_leave(planner, reader, row.asked_at):
                opening = planner.opening(reader, reader.timezone, self.now.course)
                wait = opening - self.now.course
                deliveries.change(self.session, row.id, not_before=self.now.machine + wait)
            elif before := self._before(row, planner.timetable(reader)):
                wait = DOUBT if before == {Sent.UNKNOWN} else self.sending.lease  # by then it went, or is in doubt
                deliveries.change(self.session, row.id, not_before=self.now.machine + wait, reason=deliveries.WAITS)
            else:
                self._send_again(row, reader, planner, step)

    def _before(self, row: Any, timetable: Timetable) -> set[Sent]:
        """The states of what has to be settled before this one may go: several of a reader's lessons were put back, as
        after a restore, and one goes at a time, in order."""
        others = deliveries.open_lessons(self.session, row.enrollment_id)
        place = timetable.number(row.lesson_id)
        before = {state for lesson, state in others if state != Sent.QUEUED or timetable.number(lesson) < place}
        return set() if before and deliveries.is_repeat(self.session, row.id) else before

    def _send_again(self, row: Any, reader: Any, planner: Planner, step: Step) -> None:
        letter, problem = self._letter(planner, reader, step.revision)
        if letter is None:
            deliveries.change(self.session, row.id, **self.refusal(problem))
        else:
            place = _place(row.id, planner, reader, step, row.copy)
            # Its revision is pinned anew, since no copy of it was ever taken.
            self.again(row, revision_id=step.revision, number=place.number, count=place.count)
            self.join(row.id, self._message(letter, planner, reader, place))
        excluded = enrollments.exclusions(self.session, [reader.id])[reader.id]
        moved = _moved(planner, reader, step, excluded, self.now.course)
        if deliveries.is_aside(self.session, row.id):
            moved = _as_it_was(planner, reader, excluded)
        if deliveries.unsettled(self.session, reader.id, but=Sent.SENDING):
            moved["due_at"] = None  # another lesson of this reader was put back as well, and goes before the next one
        enrollments.save_plans(self.session, [moved])

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
                moved.append(_moved(planner, reader, step, out, self.now.course))
        for plans in (moved, waiting, finished):
            enrollments.save_plans(self.session, plans)
        self._new_deliveries(going)

    def _new_deliveries(self, going: Sequence[tuple[Any, Planner, Step]]) -> None:
        rows = []
        for reader, planner, step in going:
            place = _place(0, planner, reader, step, reader.copy)
            letter, problem = self._letter(planner, reader, step.revision)
            state = {"state": Sent.SENDING, "call_id": self.call_id, "scope": None, "reason": None, "done_at": None}
            if letter is None:
                state |= self.refusal(problem)
            rows.append(self._row(reader, step, place) | state)
        for identity, row, (reader, planner, step) in zip(deliveries.add(self.session, rows), rows, going, strict=True):
            letter, _ = self._letter(planner, reader, step.revision)
            if letter:
                place = Place(identity, step.lesson, reader.copy, row["number"], row["count"])
                self.join(identity, self._message(letter, planner, reader, place))

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

    def _letter(self, planner: Planner, reader: Any, revision_id: int) -> tuple[Letter | None, str]:
        """The compiled letter; or None and why not: one lesson that cannot be rendered stops no other."""
        runner = self.runners.get(reader.subscriber_id)
        key = (revision_id, runner.units, runner.says_nothing) if runner else revision_id
        if key not in self.letters:
            self.letters[key] = self._compiled(planner, revision_id, runner)
        return self.letters[key]

    def _compiled(self, planner: Planner, revision_id: int, runner: Profile | None) -> tuple[Letter | None, str]:
        revision = courses.revision(self.session, revision_id)
        if revision.held_at:
            return None, revision.held_reason or "held"
        try:
            return self.sending.letters.lesson(planner.course, revision.source, "mail", runner), ""
        except Exception as error:  # whatever a lesson's text does, it is that lesson's fault
            return None, f"the lesson cannot be rendered: {error}"

    def _message(self, letter: Letter, planner: Planner, reader: Any, place: Place) -> Message:
        to = Recipient(reader.id, reader.links, reader.email, reader.email_key, reader.name)
        runner = self.runners.get(reader.subscriber_id)
        if runner is None:
            return self.sending.letters.lesson_message(letter, planner.course, to, place)
        today = profiling.today(self.now.course, reader.timezone or planner.course.timezone)
        return self.sending.letters.lesson_message(letter, planner.course, to, place, blocks.own(runner, today))

    def _may_leave(self, planner: Planner, reader: Any, asked_at: datetime | None) -> bool:
        at, checks_window = self.now.course, self.sending.checks_window
        return planner.may_leave(reader, reader.timezone, asked_at, at, checks_window=checks_window)


def _place(delivery: int, planner: Planner, reader: Any, step: Step, copy: int) -> Place:
    timetable = planner.timetable(reader)
    return Place(delivery, step.lesson, copy, timetable.number(step.lesson), len(timetable.steps))


def _as_it_was(planner: Planner, reader: Any, excluded: set[int]) -> dict[str, Any]:
    """The reader's row after a mail that their calendar does not count, as one more copy of what had arrived."""
    plan = planner.next(reader, reader.timezone, excluded)
    return {
        "key": reader.id,
        "due_at": plan and plan.due_at,
        "status": Enrolled.ACTIVE if plan else Enrolled.FINISHED,
    }


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

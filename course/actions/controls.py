"""What may be changed for one reader: by themselves on their own page, or by a coach for them.

Every function takes the enrollment as `hold` gave it, and plans the next lesson anew with the functions of the mark, so
nobody gets two lessons at once, one early, or one twice. What cannot be done is a NotNow, in words for whoever pressed
the button. `now` is both clocks; plans live by the course's.
"""

from collections.abc import Collection
from datetime import datetime, time, timedelta

from sqlalchemy.orm import Session

from course.actions import mending, signup
from course.actions.planning import Planner
from course.actions.signup import Origin
from course.core import schedule
from course.core.clock import Now
from course.core.errors import CourseError
from course.core.schedule import Pace
from course.core.status import Enrolled, Sent
from course.store import courses, deliveries, enrollments, readers_control, subscribers
from course.store.models import Course, Enrollment, Subscriber

JUST_NOW = timedelta(minutes=10)  # a second tap on "the next lesson now" does not fetch the lesson after it
LONGEST_PAUSE = timedelta(days=366)


class NotNow(CourseError):
    """This cannot be done for this reader, as they are; the text says why, and what to do."""


def hold(session: Session, enrollment_id: int) -> Enrollment | None:
    """The enrollment, ready to be changed: locked until the transaction ends."""
    return readers_control.hold(session, enrollment_id)


def pause(session: Session, found: Enrollment, until: datetime, now: Now) -> None:
    """No lesson before this instant (course time). What was asked for at once is no longer asked for."""
    _must_be_active(found)
    if not now.course < until <= now.course + LONGEST_PAUSE:
        raise NotNow("A pause ends on a day to come, at most a year from now.")
    found.paused_until, found.asked_at = until, None
    _replan(session, found, now)


def resume(session: Session, found: Enrollment, now: Now) -> None:
    """The pause is over; a lesson that fell due meanwhile goes at the next opening of the reader's hours."""
    found.paused_until = None
    _replan(session, found, now)


def skip(session: Session, found: Enrollment, lesson: int, now: Now) -> None:
    """This reader does not get this lesson; the one after it takes its place."""
    _must_be_active(found)
    if lesson in found.had:
        raise NotNow("This lesson went already, or is on its way.")
    if lesson not in _lessons(session, found):
        raise NotNow("This lesson is not part of the course.")
    readers_control.skip(session, found.id, lesson)
    _replan(session, found, now)


def unskip(session: Session, found: Enrollment, lesson: int, now: Now) -> None:
    """Takes a skip back, also for somebody who thereby has a lesson to come again."""
    if not readers_control.take_back_skips(session, found.id, lesson, all_of_them=False):
        raise NotNow("This lesson was not skipped for this reader.")
    if found.status == Enrolled.FINISHED:
        found.status = Enrolled.ACTIVE
    _replan(session, found, now)


def next_now(session: Session, found: Enrollment, now: Now) -> None:
    """The next lesson goes at once, at any hour."""
    _must_be_active(found)
    _must_be_settled(session, found)
    if found.paused_until and found.paused_until > now.course:
        raise NotNow("There is a pause. End it first, then ask for the next lesson.")
    if found.had and now.course - found.anchor_at < JUST_NOW:
        raise NotNow("A lesson went only a few minutes ago. Give it a moment.")
    if found.asked_at is None:
        found.asked_at = now.course
        _replan(session, found, now)


def set_pace(session: Session, found: Enrollment, pace: str, now: Now) -> None:
    """slower: gaps twice as long; normal; faster: half, at least a day."""
    if pace not in set(Pace):
        raise NotNow("The pace is slower, normal or faster.")
    found.pace = Pace(pace)
    _replan(session, found, now)


def set_hours(
    session: Session, found: Enrollment, hour: str | None, weekdays: Collection[int] | None, now: Now
) -> None:
    """The reader's own send hour ("07:00") and weekdays (0 is Monday); None for the course's."""
    if hour is not None and not _is_hour(hour):
        raise NotNow("An hour is written like 07:00.")
    days = None if weekdays is None else sorted(set(weekdays))
    if days is not None and (not days or not set(days) <= schedule.ALL_WEEK):
        raise NotNow("Choose one day of the week, or more.")
    found.hour, found.weekdays = hour, days
    _replan(session, found, now)


def set_zone(session: Session, found: Enrollment, zone: str, now: Now) -> None:
    """Where this person lives, for all courses they are in; "" for each course's own zone."""
    if zone and not schedule.known_zone(zone):
        raise NotNow("We do not know this time zone. Choose one from the list.")
    session.get_one(Subscriber, found.subscriber_id).timezone = zone
    for one in (found, *readers_control.others(session, found)):
        _replan(session, one, now)


def send_again(session: Session, found: Enrollment, lesson: int, now: Now) -> None:
    """One more copy of a lesson that this reader had, at once and in its newest text. Their calendar stays as it is."""
    if found.status not in {Enrolled.ACTIVE, Enrolled.FINISHED}:
        raise NotNow("This reader is not in the course any more, so nothing is sent to them.")
    _must_be_mailable(session, found)
    row = readers_control.newest_copy(session, found.id, lesson)
    if row is None:
        raise NotNow("This reader has not had this lesson yet.")
    if lesson not in _lessons(session, found):
        raise NotNow("This lesson is no longer part of the course, so it cannot be sent again.")
    if row.state == Sent.UNKNOWN:  # they may have it twice then, and somebody chose so
        mending.send_again(session, row.id, now.machine)
    elif mending.is_dead_letter(row):
        mending.retry(session, [row.id], now.machine)
    else:
        _must_be_settled(session, found)
        deliveries.queue_copy(session, row, now.machine)
        enrollments.hold(session, [found.id])  # planned again when the copy goes
        session.flush()
    copy = readers_control.newest_copy(session, found.id, lesson)
    if copy:
        copy.asked_at = now.course
    session.flush()
    session.refresh(found)


def stop(session: Session, found: Enrollment, reason: str, now: Now) -> None:
    """A coach ends the course for this reader; the reason is kept."""
    if found.status in {Enrolled.LEFT, Enrolled.STOPPED}:
        raise NotNow("This reader is not in the course any more.")
    found.status, found.due_at, found.asked_at = Enrolled.STOPPED, None, None
    found.ended_at, found.reason = now.machine, reason[:500]


def bring_back(session: Session, found: Enrollment, note: str, now: Now) -> None:
    """Somebody who left, or was stopped, goes on where they were. `note`: how they asked for it, kept as proof."""
    if found.status not in {Enrolled.LEFT, Enrolled.STOPPED}:
        raise NotNow("This reader is in the course already.")
    _must_be_mailable(session, found)
    if not note.strip():
        raise NotNow("Write down how and when they asked to come back: it is kept as proof.")
    row = signup.consent(
        "return", found.subscriber_id, found.course_id, Origin(source="coach"), now.machine, note=note.strip()
    )
    subscribers.add_consents(session, [row])
    person, course = _person_and_course(session, found)
    signup.resume(session, found, person, course, now.machine)


def start_again(session: Session, found: Enrollment, now: Now) -> None:
    """From lesson 1, in the course as it is today: nothing that was skipped stays so."""
    if found.status not in {Enrolled.ACTIVE, Enrolled.FINISHED}:
        raise NotNow("Come back to the course first.")
    if not found.had:
        raise NotNow("The course has only just begun.")
    _must_be_settled(session, found)
    _must_be_mailable(session, found)
    readers_control.take_back_skips(session, found.id, all_of_them=True)
    found.had, found.copy, found.status = [], found.copy + 1, Enrolled.ACTIVE
    found.enrolled_at = found.anchor_at = now.course
    found.paused_until, found.ended_at, found.reason = None, None, ""
    first = _planner(session, found).timetable(found).next_step(())
    found.asked_at = now.course if first and first.gap == 0 else None
    _replan(session, found, now)


def lessons_to_come(session: Session, found: Enrollment) -> list[int]:
    """Lesson ids that this reader did not have and does not skip, in order."""
    excluded = enrollments.exclusions(session, [found.id])[found.id]
    steps = _planner(session, found).timetable(found).steps
    return [step.lesson for step in steps if step.lesson not in found.had and step.lesson not in excluded]


def _replan(session: Session, found: Enrollment, now: Now) -> None:
    """The next lesson by the plan as it is now; who waits for one that is queued or unknown is planned after it."""
    if found.status != Enrolled.ACTIVE:
        return
    person = session.get_one(Subscriber, found.subscriber_id)
    excluded = enrollments.exclusions(session, [found.id])[found.id]
    plan = _planner(session, found).next(found, person.timezone, excluded)
    found.due_at = plan.due_at if plan else None
    if plan is None:
        found.status = Enrolled.FINISHED
    elif deliveries.unsettled(session, found.id, but=Sent.SENDING):  # what is on its way may go on as planned
        found.due_at = None
    readers_control.hasten(session, found.id, now.machine)


def _planner(session: Session, found: Enrollment) -> Planner:
    return Planner(session.get_one(Course, found.course_id), courses.terms_of(session, found.course_id))


def _lessons(session: Session, found: Enrollment) -> list[int]:
    return [step.lesson for step in _planner(session, found).timetable(found).steps]


def _person_and_course(session: Session, found: Enrollment) -> tuple[Subscriber, Course]:
    return session.get_one(Subscriber, found.subscriber_id), session.get_one(Course, found.course_id)


def _must_be_active(found: Enrollment) -> None:
    if found.status == Enrolled.FINISHED:
        raise NotNow("Every lesson has gone: there is none to come.")
    if found.status != Enrolled.ACTIVE:
        raise NotNow("This reader is not in the course any more.")


def _must_be_settled(session: Session, found: Enrollment) -> None:
    if deliveries.unsettled(session, found.id):
        raise NotNow("A lesson is on its way, or nobody knows yet whether it arrived. Wait until that is clear.")


def _must_be_mailable(session: Session, found: Enrollment) -> None:
    person = session.get_one(Subscriber, found.subscriber_id)
    if row := subscribers.suppression(session, person.email_key):
        why = "somebody marked our mail as spam" if row.reason == "complaint" else "our mail came back"
        raise NotNow(f"This address is not mailed: {why}. They can sign up again by the form.")


def _is_hour(text: str) -> bool:
    try:
        return len(text) == 5 and time.fromisoformat(text).tzinfo is None
    except ValueError:
        return False

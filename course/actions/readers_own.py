"""The reader's own page: what they had, what each pace would mean, and the second link for what must not be forwarded.

Lessons get forwarded, and with them the link to the reader's page. So what tells about the reader, or cannot be taken
back, is behind a second link, which goes to the reader's address when asked for and is good for half an hour.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from course.actions import notices, signup
from course.actions.controls import NotNow
from course.actions.letters import Letters
from course.actions.planning import Plan, Planner
from course.actions.playing import Runner
from course.core import address
from course.core.letter import Message, Values
from course.core.schedule import Pace
from course.core.status import Sent
from course.core.tokens import epoch
from course.store import attempts, courses, deliveries, enrollments, subscribers
from course.store.models import Course, Delivery, Enrollment, Subscriber

LIFE = timedelta(minutes=30)  # of the second link, machine time
AN_HOUR = timedelta(hours=1)
LINKS_AN_HOUR = 3


def promised(session: Session, found: Enrollment) -> list[Delivery]:
    """The newest copy of each lesson that went, may have gone, or waits for the provider; in order."""
    rows = deliveries.of_subscriber(session, found.subscriber_id)[::-1]
    newest = {row.lesson_id: row for row in rows if row.enrollment_id == found.id and row.lesson_id is not None}
    return [row for row in newest.values() if row.state not in {Sent.REFUSED, Sent.CANCELLED}]


def paces(
    session: Session, found: Enrollment, person: Subscriber, course: Course, now: datetime
) -> dict[Pace, Sequence[Plan]]:
    """The lessons to come at each pace; changes nothing. `now` is course time."""
    planner = Planner(course, courses.terms_of(session, course.id))
    excluded = enrollments.exclusions(session, [found.id])[found.id]
    return {pace: planner.coming(_as_if(found, pace), person.timezone, excluded, now) for pace in Pace}


def _as_if(found: Enrollment, pace: Pace) -> Runner:
    return Runner(
        found.enrolled_at,
        pace=pace,
        hour=found.hour,
        weekdays=found.weekdays,
        paused_until=found.paused_until,
        asked_at=found.asked_at,
        had=list(found.had),
        anchor_at=found.anchor_at,
    )


def send_link(
    session: Session, letters: Letters, found: Enrollment, person: Subscriber, course: Course, now: datetime
) -> None:
    """Mails the second link to the reader. Raises NotNow after three in an hour, and for an address we do not mail. The
    caller holds the enrollment."""
    if subscribers.suppression(session, person.email_key):
        raise NotNow("Mail to your address came back or was marked as spam, so we cannot send you a link there.")
    count_try(session, f"access:{found.id}", LINKS_AN_HOUR, now)
    _queue_link(session, letters, found, person, course, now)


def renew_links(
    session: Session, letters: Letters, found: Enrollment, person: Subscriber, course: Course, now: datetime
) -> None:
    """Every link in earlier mails is worth nothing from now on, those to leave too; fresh ones are mailed at once. The
    caller holds the enrollment."""
    found.links += 1
    if not subscribers.suppression(session, person.email_key):
        _queue_link(session, letters, found, person, course, now)


def _queue_link(
    session: Session, letters: Letters, found: Enrollment, person: Subscriber, course: Course, now: datetime
) -> None:
    values = {
        "link": private_link(letters, found, now),
        "page": letters.links.reader(found.id, found.links),
    }
    notices.queue(session, "access", person.email, mail(letters, "access", course, person.email, values), now)


def private_link(letters: Letters, found: Enrollment, now: datetime) -> str:
    """For somebody who proved this moment that the address is theirs."""
    return letters.links.private(found.id, found.links, epoch(now + LIFE))


def rename(person: Subscriber, name: str) -> None:
    """Raises Invalid."""
    person.name = signup.checked(person.email, name).name


def count_try(session: Session, key: str, most: int, now: datetime) -> None:
    """Raises NotNow for the one too many within an hour. The caller holds what the key stands for."""
    if len(attempts.newest(session, key, now - AN_HOUR, most)) >= most:
        raise NotNow(f"We sent {most} mails within the last hour. Look for the newest one, or try again in an hour.")
    attempts.note(session, [key], now)


def mail(letters: Letters, kind: str, course: Course, to: str, values: dict[str, str]) -> Message:
    """A mail of a course that is no lesson, out of templates/mail/<kind>/; `values` go into its slots."""
    letter = letters.composer.service(letters.facts(course), kind)
    return Message("", address.deliverable(to), letter, Values(values))

"""All that happened with one reader, in one list, the newest first."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from course.core import lesson_file
from course.core.status import Sent
from course.store import courses, readers_page
from course.store.models import Consent, Course, Delivery, Enrollment, Subscriber
from course.web import words

CONSENTS = {
    "signup": "Signed up",
    "confirm": "Confirmed",
    "import": "Brought in from a list, or by hand",
    "leave": "Left the course",
    "return": "Came back",
}
BECAME = {
    Sent.QUEUED: "waits to be sent",
    Sent.SENDING: "is on its way",
    Sent.ACCEPTED: "went; the mail service took it",
    Sent.REFUSED: "was refused",
    Sent.UNKNOWN: "nobody knows whether it arrived",
    Sent.CANCELLED: "was not sent",
}
EVENTS = {
    "accepted": "The mail service took it",
    "deferred": "Their mailbox asked to try again later",
    "bounce_soft": "It came back for now; the mail service tries again",
    "delivered": "It is in their mailbox",
    "failed": "The mail service gave up on it",
    "blocked": "The mail service does not mail this address",
    "bounce_hard": "It came back: this address takes no mail",
    "unsubscribe": "They left by the button of their mail program",
    "complaint": "They marked it as spam",
}
BAD = {Sent.REFUSED, Sent.UNKNOWN, "failed", "blocked", "bounce_hard", "complaint"}


class Entry(NamedTuple):
    at: datetime
    order: int  # of two at one instant, what follows from the other is the newer
    when: str
    title: str
    detail: str
    mail: int | None = None  # a delivery that can be looked at
    bad: bool = False


def timeline(session: Session, found: Enrollment, person: Subscriber, course: Course, zone: str) -> list[Entry]:
    entries: list[Entry] = []

    def add(
        order: int, at: datetime, title: str, detail: str = "", mail: int | None = None, *, bad: bool = False
    ) -> None:
        entries.append(Entry(at, order, words.when(at, zone), title, detail, mail, bad))

    for row in readers_page.consents(session, person.id, course.id):
        order = 0 if row.kind in {"signup", "import"} else 2
        add(order, row.at, CONSENTS.get(row.kind, row.kind), _proof(row))
    mails = readers_page.mails(session, found)
    texts = courses.revisions(session, (row.revision_id for row in mails if row.revision_id))
    titles = {key: lesson_file.parse(row.source).title for key, row in texts.items()}
    for mail in mails:
        order, what = 3 if mail.lesson_id else 1, f"{_what(mail, titles)} {BECAME[mail.state]}"
        reason = f"The mail service said: {mail.reason}" if mail.reason else ""
        add(order, mail.created_at, what, reason, mail.id, bad=mail.state in BAD)
    of_mail = {mail.id: _what(mail, titles) for mail in mails}
    for event in readers_page.events(session, list(of_mail)):
        said = f"{of_mail[event.delivery_id]}. {event.detail}".rstrip(". ")
        add(4, event.at, EVENTS.get(event.what, event.what), said, bad=event.what in BAD)
    for answer in readers_page.answers(session, found.id):
        if answer.done_at:
            add(5, answer.done_at, "Ticked a lesson as done", _lesson(session, answer.lesson_id))
        if answer.answered_at:
            add(5, answer.answered_at, "Answered a question", f"“{answer.text}” ({_lesson(session, answer.lesson_id)})")
    for act in readers_page.acts(session, found.id):
        add(6, act.created_at, f"{act.who}: {act.action}", act.what.removeprefix(readers_page.about(found.id)))
    return sorted(entries, key=lambda entry: (entry.at, entry.order), reverse=True)


def _what(row: Delivery, titles: dict[int, str]) -> str:
    if row.lesson_id is None:
        return "The mail with the button to confirm"
    title = titles.get(row.revision_id or 0, "")
    return f"Lesson {row.number}, “{title}”," if row.number else f"“{title}”"


def _lesson(session: Session, lesson_id: int) -> str:
    return lesson_file.parse(courses.newest_revision(session, lesson_id).source).title


def _proof(row: Consent) -> str:
    """What proves it: where, from which address, and which wording they saw."""
    parts = [
        row.note,
        f"at {row.source}" if row.source else "",
        f"from {row.ip}" if row.ip else "",
        f"wording of {row.wording}" if row.wording and row.kind in {"signup", "confirm"} else "",
    ]
    return "; ".join(part for part in parts if part)

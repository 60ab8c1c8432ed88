"""A reader's new address: asked for behind the second link, and taken when somebody there says yes.

The ids of promises are made of the address (core/tokens.py), so it never changes while a mail is under way, and an
address that had mails of ours before it was forgotten is not taken over: its owner signs up anew. Of the address that
is left a hash stays, as after an erasure.
"""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from course.actions import erasing, notices, readers_own, signup
from course.actions.controls import NotNow
from course.actions.letters import Letters
from course.actions.signup import Origin
from course.core import address
from course.core.status import UNSETTLED, Sent
from course.core.tokens import epoch
from course.store import attempts, deliveries, readers_control, readers_erase, subscribers
from course.store.deliveries import COPY_AGAIN
from course.store.models import Course, Enrollment, Subscriber

LIFE = timedelta(days=1)  # machine time
ASKS_AN_HOUR = 3  # by one reader
ASKS_A_DAY = 3  # to one address, whoever asks: nobody is bombed by this form


def number(email: str) -> int:
    """What a link for a new address carries in its place."""
    return int.from_bytes(hashlib.sha256(email.encode()).digest()[:6])


def ask(
    session: Session, letters: Letters, found: Enrollment, person: Subscriber, course: Course, typed: str, now: datetime
) -> None:
    """Mails a link to the new address, if it may be one; whoever asks cannot tell. Raises Invalid, NotNow. The caller
    holds the enrollment."""
    email = signup.checked(typed).email
    email_key = address.key(email)
    if email_key == person.email_key:
        raise NotNow("This is the address that we have already.")
    readers_own.count_try(session, f"address:{person.id}", ASKS_AN_HOUR, now)
    if person.new_email:
        readers_erase.forget_links(session, person.new_email)
    person.new_email = email
    to = f"address-to:{hashlib.sha256(email_key.encode()).hexdigest()[:32]}"
    if _is_free(session, email_key) and len(attempts.newest(session, to, now - LIFE, ASKS_A_DAY)) < ASKS_A_DAY:
        attempts.note(session, [to], now)
        link = letters.links.address(found.id, found.links, epoch(now + LIFE), number(email))
        message = readers_own.mail(letters, "address", course, email, {"link": link})
        notices.queue(session, "address", email, message, now)


def take(session: Session, found: Enrollment, person: Subscriber, origin: Origin, now: datetime) -> None:
    """The address that was asked for is the reader's. Raises NotNow. The caller holds the enrollment, has compared the
    link's number, and hands over the person."""
    email = person.new_email or ""
    readers_control.others(session, found)  # locked: nothing is marked for this person meanwhile
    mails = deliveries.of_subscriber(session, person.id)
    if any(row.state in {*UNSETTLED, Sent.QUEUED} and row.resigned_at is None for row in mails):
        raise NotNow("A mail to your old address is on its way at this moment. Try again in a few minutes.")
    left, old, new = person.email, person.email_key, address.key(email)
    if not _is_free(session, new) or not subscribers.move(session, person, email, new):
        raise NotNow("This address cannot be used. It may be in the course already.")
    subscribers.erase_address(session, old, max((row.copy % COPY_AGAIN for row in mails), default=0), now)
    readers_erase.forget_links(session, left)
    readers_erase.forget_recipient(session, erasing.spellings(left, old))
    signup.note_consent(session, "confirm", person.id, found.course_id, origin, now)


def _is_free(session: Session, email_key: str) -> bool:
    known = subscribers.by_key(session, email_key) or subscribers.suppression(session, email_key)
    return not known and not subscribers.is_erased(session, email_key)

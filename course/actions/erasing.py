"""Everything about one person: handed to them as it is, or forgotten."""

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from course.core import address, lesson_file
from course.store import courses, readers_erase, subscribers

HIDDEN = {"call_id", "scope", "resigned_at", "resent_at", "attempts", "not_before"}  # of a mail: our bookkeeping
MEANING = "Everything this course keeps about you. Times are UTC."


def export(session: Session, subscriber_id: int) -> dict[str, Any]:
    """All that is kept about a person, ready for JSON: every table that names them, a list of rows each; the mails with
    their subjects."""
    found = readers_erase.everything(session, subscriber_id)
    texts = courses.revisions(session, (row["revision_id"] for row in found["mails"] if row["revision_id"]))
    subjects = {key: lesson_file.parse(row.source).subject for key, row in texts.items()}
    for row in found["mails"]:
        row["subject"] = subjects.get(row["revision_id"], "")
        for name in HIDDEN:
            del row[name]
    return {"meaning": MEANING, **{table: [_plain(row) for row in rows] for table, rows in found.items()}}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date | datetime) else value for name, value in row.items()}


def erase(session: Session, subscriber_id: int, now: datetime) -> bool:
    """Forgets a person: address, consents, answers, numbers, plans, mails and what providers told about them. False:
    nobody is there.

    What stays is a keyed hash of the address, so that no list brings them back; signing up anew is theirs to do. A mail
    that is at the provider at this moment may still arrive. Its bytes, where they are kept for a retry, go when its
    call is settled, within 72 hours; no retry carries it.
    """
    person = subscribers.by_id(session, subscriber_id)
    if person is None:
        return False
    email, email_key = person.email, person.email_key
    if person.new_email:
        readers_erase.forget_links(session, person.new_email)
    copies = readers_erase.forget(session, person.id, spellings(email, email_key))
    subscribers.erase_address(session, email_key, copies, now)
    return True


def spellings(email: str, email_key: str) -> set[str]:
    """How a provider, or we, may have written an address."""
    return {email, email_key, email.lower(), address.deliverable(email)}

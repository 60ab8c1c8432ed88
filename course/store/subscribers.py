"""Subscribers, their consent, and the addresses that are not mailed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, case, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from course.core.status import ERASED, RETURNED, Suppressed
from course.core.tokens import erased
from course.store import installation
from course.store.db import insert_of
from course.store.models import Base, Consent, Subscriber, Suppression

HARMLESS = (ERASED, RETURNED)  # reasons that keep no mail back
_PEOPLE = Base.metadata.tables[Subscriber.__tablename__]
# Statements of the sign-up are built once, and go past the session, which would look for entities in them: SQLAlchemy
# takes longer for either than SQLite takes to run one.
_CONSENT = insert(Base.metadata.tables[Consent.__tablename__])
_NOT_MAILED = Base.metadata.tables[Suppression.__tablename__]
_REMEMBERED = select(_NOT_MAILED).where(_NOT_MAILED.c.email_key.in_(bindparam("keys", expanding=True)))


class Remembered(NamedTuple):
    """What is kept of an address, in clear or, once it was erased, under its hash."""

    reason: str = ""  # why it is not mailed; "": it may be
    since: datetime = datetime.min.replace(tzinfo=UTC)
    copies: int = 0  # of a mail that went to it before it was erased


def find_or_add(session: Session, email: str, email_key: str, name: str, timezone: str, now: datetime) -> int:
    """The id of the one row of this address, locked: two sign-ups for it at once come one after the other. Name and
    time zone are the newest that were given; once confirmed, only the reader's own page changes them."""
    row = {"email": email, "email_key": email_key, "name": name, "timezone": timezone, "created_at": now}
    found: int = session.connection().execute(_find_or_add(insert_of(session)), row).scalar_one()
    return found


@cache
def _find_or_add(dialect_insert: Any) -> Any:
    adding = dialect_insert(_PEOPLE)
    newer = {
        name: case(
            (and_(_PEOPLE.c.confirmed_at.is_(None), adding.excluded[name] != ""), adding.excluded[name]),
            else_=_PEOPLE.c[name],
        )
        for name in ("name", "timezone")
    }
    return adding.on_conflict_do_update(index_elements=["email_key"], set_=newer).returning(_PEOPLE.c.id)


def by_id(session: Session, subscriber_id: int, *, lock: bool = False) -> Subscriber | None:
    return session.get(Subscriber, subscriber_id, with_for_update=lock)


def by_key(session: Session, email_key: str) -> Subscriber | None:
    return session.scalar(select(Subscriber).where(Subscriber.email_key == email_key))


def suppression(session: Session, email_key: str) -> Suppression | None:
    """Why this address is not mailed; found under its hash too, if it was erased."""
    query = select(Suppression).where(Suppression.email_key.in_((email_key, hashed(session, email_key))))
    return session.scalar(query.where(Suppression.reason.not_in(HARMLESS)).limit(1))


def remembered(session: Session, keys: Sequence[str]) -> dict[str, Remembered]:
    """By key, every one of them."""
    by_hash, found = _hashes(session, keys), dict.fromkeys(keys, Remembered())
    for row in session.execute(_REMEMBERED, {"keys": [*keys, *by_hash]}) if keys else ():
        key = by_hash.get(row.email_key, row.email_key)
        known = found[key]
        if row.email_key in by_hash:
            known = known._replace(copies=int(row.detail))
        if row.reason not in HARMLESS and known.reason != Suppressed.COMPLAINT:
            known = known._replace(reason=row.reason, since=row.created_at)
        found[key] = known
    return found


def suppress(session: Session, email_key: str, reason: str, detail: str, now: datetime) -> None:
    """A complaint is never replaced by something milder; a bounce seen again counts from the newest one."""
    found = suppression(session, email_key)
    if found and found.reason == Suppressed.COMPLAINT:
        return
    session.merge(Suppression(email_key=email_key, reason=reason, detail=detail[:500], created_at=now))


def lift(session: Session, email_key: str) -> None:
    """The address may be mailed again, and lists may bring it in."""
    once = hashed(session, email_key)
    session.execute(delete(Suppression).where(Suppression.email_key == email_key))
    session.execute(update(Suppression).where(Suppression.email_key == once).values(reason=RETURNED))


def move(session: Session, person: Subscriber, email: str, email_key: str) -> bool:
    """Gives a person another address; False: somebody has it."""
    try:
        with session.begin_nested():
            person.email, person.email_key, person.new_email = email, email_key, None
    except IntegrityError:
        return False
    return True


def erase_address(session: Session, email_key: str, copies: int, now: datetime) -> None:
    """Only a hash stays: with the reason why the address was not mailed, if there was one, and how many copies of a
    mail went to it, so that the ids of later ones are new."""
    before = suppression(session, email_key)
    lift(session, email_key)
    row = {"email_key": hashed(session, email_key), "reason": before.reason if before else ERASED, "created_at": now}
    session.merge(Suppression(**row, detail=str(copies)))


def is_erased(session: Session, email_key: str) -> bool:
    return session.get(Suppression, hashed(session, email_key)) is not None


def hashed(session: Session, email_key: str) -> str:
    """The key under which an erased address is remembered."""
    return erased(installation.key(session), email_key)


def _hashes(session: Session, keys: Sequence[str]) -> dict[str, str]:
    """The keys by their hashes."""
    installed = installation.key(session) if keys else b""
    return {erased(installed, key): key for key in keys}


def add_consents(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Takes the columns of Consent."""
    if rows:
        session.connection().execute(_CONSENT, list(rows))


def decided(session: Session, subscriber_id: int, course_id: int, since: datetime) -> bool:
    """Whether they left this course at this time, to the second, or later; or came into it after that."""
    query = select(Consent.id).where(Consent.subscriber_id == subscriber_id, Consent.course_id == course_id)
    left = and_(Consent.kind == "leave", Consent.at >= since)
    came = and_(Consent.kind.in_(("confirm", "return")), Consent.at >= since + timedelta(seconds=1))
    return session.scalar(query.where(or_(left, came)).limit(1)) is not None


def last_signup_source(session: Session, subscriber_id: int, course_id: int) -> str:
    """Where the newest sign-up came from; "" if there is none."""
    query = (
        select(Consent.source)
        .where(Consent.subscriber_id == subscriber_id, Consent.course_id == course_id)
        .where(Consent.kind.in_(("signup", "import")))
        .order_by(Consent.id.desc())
    )
    return session.scalar(query.limit(1)) or ""


def suppressed(session: Session, keys: Sequence[str]) -> set[str]:
    """Those of these address keys that no list brings in: not mailed, or erased."""
    by_hash = _hashes(session, keys)
    query = select(Suppression.email_key).where(Suppression.email_key.in_([*keys, *by_hash]))
    found = session.scalars(query.where(Suppression.reason != RETURNED))
    return {by_hash.get(key, key) for key in found}


def add_missing(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Inserts subscribers; an address that is already there stays as it is."""
    if rows:
        session.execute(insert_of(session)(Subscriber).on_conflict_do_nothing(), list(rows))


def by_keys(session: Session, keys: Sequence[str], *, lock: bool = False) -> Sequence[Any]:
    """Rows of id, email_key, timezone, confirmed_at, by key."""
    columns = (Subscriber.id, Subscriber.email_key, Subscriber.timezone, Subscriber.confirmed_at)
    query = select(*columns).where(Subscriber.email_key.in_(keys)).order_by(Subscriber.email_key)
    return session.execute(query.with_for_update() if lock else query).all()


def note_confirmed(session: Session, ids: Sequence[int], now: datetime) -> None:
    session.execute(update(Subscriber).where(Subscriber.id.in_(ids)).values(confirmed_at=now))

"""The coaches: how one comes to be there, gets a way in, and goes. All are equal.

A way in is a link that is good once: it carries a number made of the coach's session key, and whoever uses it gets
another key. So do "sign out everywhere" and every new password, which end older links too.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from course.actions import audit, notices
from course.actions.letters import HOUSE, Letters
from course.actions.signup import Invalid
from course.core import address, passwords, schedule
from course.core.errors import BadAddress, CourseError
from course.core.letter import one_line
from course.core.links import Links
from course.core.tokens import Purpose, epoch
from course.store import admins, installation
from course.store.models import Admin

MAX_NAME = 80  # characters
KEY_BYTES = 32
LIFE = {
    Purpose.FIRST_COACH: timedelta(days=7),
    Purpose.INVITE: timedelta(days=7),
    Purpose.RESET: timedelta(hours=1),
    Purpose.RENEW: timedelta(days=1),
}
IN_WORDS = {Purpose.INVITE: "seven days", Purpose.RESET: "one hour", Purpose.RENEW: "one day"}


@dataclass(frozen=True, slots=True)
class Way:
    """What a genuine link opens. `coach` None: it makes the first one."""

    purpose: Purpose
    coach: Admin | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """What somebody typed behind a link, checked. `password_hash` and `session_key` are new."""

    name: str
    email: str
    password_hash: str
    session_key: str


def first_link(links: Links, now: datetime) -> str:
    """Good as long as there is no coach: the first who opens it is one."""
    return links.coach(Purpose.FIRST_COACH, epoch(now + LIFE[Purpose.FIRST_COACH]))


def link(links: Links, coach: Admin, purpose: Purpose, now: datetime) -> str:
    return links.coach(purpose, coach.id, _number(coach.session_key), epoch(now + LIFE[purpose]))


def way(session: Session, links: Links, token: str, now: datetime, *, lock: bool = False) -> Way | None:
    """What this link opens now; None: forged, old, used, or its coach is gone. `lock`: it is about to be used."""
    numbers = links.tokens.read(Purpose.FIRST_COACH, token, 1)
    if numbers:
        if lock:
            installation.get(session, lock=True)  # two may open it in the same moment
        return Way(Purpose.FIRST_COACH, None) if numbers[0] > epoch(now) and not admins.count(session) else None
    for purpose in (Purpose.INVITE, Purpose.RESET, Purpose.RENEW):
        if numbers := links.tokens.read(purpose, token, 3):
            coach, key, expires = numbers
            found = admins.by_id(session, coach, lock=lock)
            good = found is not None and _number(found.session_key) == key and expires > epoch(now)
            return Way(purpose, found) if good else None
    return None


def _number(session_key: str) -> int:
    return int.from_bytes(hashlib.sha256(session_key.encode()).digest()[:8])


def best_purpose(coach: Admin) -> Purpose:
    """Who never set a password is still invited; anybody else lost what they had."""
    return Purpose.RENEW if coach.password_hash else Purpose.INVITE


def chosen(way: Way, fields: dict[str, str], salt: bytes, key: bytes) -> Chosen:
    """Checks the form behind a link: password, and name and address where they are asked for. Raises Invalid."""
    known, errors = way.coach, dict[str, str]()
    name = one_line(fields.get("name", ""))
    email = known.email if known else ""
    if known is None:
        try:
            email = address.checked(fields.get("email", ""))
        except BadAddress as error:
            errors["email"] = f"{error}. An address looks like coach@example.com."
    if way.purpose in {Purpose.FIRST_COACH, Purpose.INVITE}:
        errors |= _name_fault(name)
    elif known:
        name = known.name
    if fault := passwords.fault(fields.get("password", ""), email, name):
        errors["password"] = fault
    if errors:
        raise Invalid(errors)
    return Chosen(name, email, passwords.hashed(fields["password"], salt), key.hex())


def _name_fault(name: str) -> dict[str, str]:
    if not name:
        return {"name": "Tell us your name: it stands beside what you change."}
    return {"name": f"Use at most {MAX_NAME} characters."} if len(name) > MAX_NAME else {}


def use(session: Session, way: Way, wanted: Chosen, now: datetime) -> Admin:
    """The link is used, and every other one and every session of this coach is over."""
    coach = way.coach or _new(session, wanted.email, wanted.session_key, now)
    coach.name, coach.password_hash, coach.session_key = wanted.name, wanted.password_hash, wanted.session_key
    if way.purpose is Purpose.RENEW:
        coach.totp_secret, coach.totp_counter, coach.recovery_hashes = "", 0, []
    done = {
        Purpose.FIRST_COACH: ("first coach", "came in by the link that the start of the course printed"),
        Purpose.INVITE: ("join", "accepted the invitation"),
        Purpose.RESET: ("new password", "by a link that was mailed"),
        Purpose.RENEW: ("new password", "by a link that took the second step off"),
    }[way.purpose]
    audit.note(session, coach, *done, now)
    return coach


def invite(session: Session, email: str, key: bytes, now: datetime, by: Admin | None) -> Admin:
    """A new coach, who has no password yet. Raises CourseError for somebody who is one, BadAddress for no address."""
    checked = address.checked(email)
    admins.everyone(session, lock=True)  # two may invite the same person at once
    if admins.by_key(session, address.key(checked)):
        raise CourseError(f"{checked} is a coach already.")
    coach = _new(session, checked, key.hex(), now)
    audit.note(session, by, "invite coach", checked, now)
    return coach


def _new(session: Session, email: str, session_key: str, now: datetime) -> Admin:
    row = Admin(
        email=email, email_key=address.key(email), name="", timezone="", password_hash="", totp_secret="",
        totp_counter=0, recovery_hashes=[], session_key=session_key, weekly_mail=True, created_at=now, seen_at=None,
    )  # fmt: skip
    return admins.add(session, row)


def mail_link(
    session: Session, letters: Letters, coach: Admin, purpose: Purpose, now: datetime, by: Admin | None
) -> None:
    """A way in by mail: an invitation, or a link to a new password. `by`: who sends it; None: they asked themselves."""
    values = {
        "link": link(letters.links, coach, purpose, now),
        "life": IN_WORDS[purpose],
        "inviter": audit.known_as(by) if by else HOUSE,
    }
    kind = "invitation" if purpose is Purpose.INVITE else "password"
    notices.queue(session, kind, coach.email, letters.notice(kind, coach.email, values), now)
    if by and purpose is Purpose.RENEW:
        note_link(session, by, coach, now)


def note_link(session: Session, by: Admin | None, coach: Admin, now: datetime) -> None:
    audit.note(session, by, "send a way in", coach.email, now)


def named(session: Session, email: str) -> Admin:
    """The coach with this address. Raises CourseError."""
    try:
        found = admins.by_key(session, address.key(address.checked(email)), lock=True)
    except BadAddress:
        found = None
    if found is None:
        raise CourseError(f"{email} is no coach here. See `course admin list`.")
    return found


def remove(session: Session, coach: Admin, now: datetime, by: Admin | None) -> None:
    """Their sessions and links end with them; what they did stays in the book."""
    audit.note(session, by, "remove coach", f"{coach.name} {coach.email}".strip(), now)
    admins.remove(session, coach)


def save_account(session: Session, coach: Admin, name: str, timezone: str, *, weekly: bool, now: datetime) -> None:
    """Raises Invalid."""
    errors = _name_fault(name := one_line(name))
    if timezone and not schedule.known_zone(timezone):
        errors["timezone"] = "We do not know this time zone. Choose one from the list."
    if errors:
        raise Invalid(errors)
    coach.name, coach.timezone, coach.weekly_mail = name, timezone, weekly
    audit.note(session, coach, "change account", f"name {name}, weekly mail {'on' if weekly else 'off'}", now)


def end_sessions(session: Session, coach: Admin, key: bytes, now: datetime) -> None:
    """Signs them out everywhere; links that are under way end too."""
    coach.session_key = key.hex()
    audit.note(session, coach, "sign out everywhere", "", now)


def change_password(session: Session, coach: Admin, password_hash: str, key: bytes, now: datetime) -> None:
    coach.password_hash, coach.session_key = password_hash, key.hex()
    audit.note(session, coach, "new password", "every other session is over", now)


def same_key(coach: Admin, key: str) -> bool:
    return hmac.compare_digest(coach.session_key, key)

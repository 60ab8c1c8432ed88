"""Signing in: a password, and where a coach wants it a second step. The tries are counted before (throttle.py)."""

from datetime import datetime

from sqlalchemy.orm import Session

from course.actions import audit
from course.core import passwords, second_factor
from course.store import admins
from course.store.models import Admin


def with_password(session: Session, seen: Admin, password: str, salt: bytes, now: datetime) -> Admin | None:
    """The coach, whose password was found right outside of this transaction, since that takes long; None if it was
    changed meanwhile."""
    coach = admins.by_id(session, seen.id, lock=True)
    if coach is None or coach.password_hash != seen.password_hash:
        return None
    if passwords.is_outdated(coach.password_hash):
        coach.password_hash = passwords.hashed(password, salt)
    if not coach.totp_secret:
        _came_in(session, coach, "with a password", now)
    return coach


def with_code(session: Session, coach: Admin, typed: str, now: datetime) -> bool:
    """The second step. Each code is good once."""
    counter = second_factor.counter_of(coach.totp_secret, typed, now, coach.totp_counter)
    if counter is not None:
        coach.totp_counter = counter
        _came_in(session, coach, "with a code from the phone", now)
        return True
    left = second_factor.without(coach.recovery_hashes, typed)
    if left is None:
        return False
    coach.recovery_hashes = left
    _came_in(session, coach, f"with a recovery code; {len(left)} left", now)
    return True


def _came_in(session: Session, coach: Admin, how: str, now: datetime) -> None:
    coach.seen_at = now
    audit.note(session, coach, "sign in", how, now)


def turn_on(session: Session, coach: Admin, secret: str, typed: str, codes: list[str], now: datetime) -> bool:
    """The second step is asked for from now on, if `typed` proves that the phone has the secret."""
    counter = second_factor.counter_of(secret, typed, now, 0) if second_factor.is_secret(secret) else None
    if counter is None or coach.totp_secret:
        return False
    coach.totp_secret, coach.totp_counter = secret, counter
    coach.recovery_hashes = [second_factor.kept(code) for code in codes]
    audit.note(session, coach, "second step on", "codes from a phone are asked for at the sign-in", now)
    return True


def new_codes(session: Session, coach: Admin, codes: list[str], now: datetime) -> None:
    coach.recovery_hashes = [second_factor.kept(code) for code in codes]
    audit.note(session, coach, "new recovery codes", "the old ones are void", now)


def turn_off(session: Session, coach: Admin, now: datetime) -> None:
    coach.totp_secret, coach.totp_counter, coach.recovery_hashes = "", 0, []
    audit.note(session, coach, "second step off", "a password is enough again", now)

"""How many tries a door takes. Whoever comes too often is told how long to wait, and no try is made."""

import hashlib
import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy.orm import Session

from course.store import attempts

WINDOW = timedelta(minutes=15)
KEPT = timedelta(days=1)
Limit = tuple[str, int]  # key, and how many tries of it in a window


def of_login(email_key: str, ip: str) -> list[Limit]:
    """A stranger's guesses from one place stop soon, those from many places a little later. Nobody can shut a coach out
    for long: the window ends, and a link by mail is a way in that is not counted here."""
    who, where = hashlib.sha256(email_key.encode()).hexdigest()[:16], network(ip)
    return [(f"login:{who}:{where}", 10), (f"login:{who}", 50), (f"login:{where}", 100)]


def of_code(admin_id: int) -> list[Limit]:
    """The second step; whoever stands there knows the password."""
    return [(f"code:{admin_id}", 10)]


def of_password(admin_id: int) -> list[Limit]:
    """The old password, asked of somebody who is signed in."""
    return [(f"password:{admin_id}", 10)]


def of_forgotten(email_key: str, ip: str) -> list[Limit]:
    """Mails that strangers can make us send."""
    who, where = hashlib.sha256(email_key.encode()).hexdigest()[:16], network(ip)
    return [(f"forgotten:{who}", 5), (f"forgotten:{where}", 20)]


def enter(session: Session, limits: Sequence[Limit], now: datetime) -> tuple[int, list[int]]:
    """(minutes to wait, ids of the tries): a try is noted before it is made, so that a hundred at once are a hundred.
    0 minutes: go on. What had to wait is not counted, so waiting does help."""
    wait = max(_minutes(session, key, most, now) for key, most in limits)
    return (wait, []) if wait else (0, attempts.add(session, [key for key, _ in limits], now))


def succeeded(session: Session, limits: Sequence[Limit], ids: Sequence[int]) -> None:
    """It was no failure: the narrowest count begins anew, the wider ones go on."""
    attempts.take_back(session, ids)
    attempts.forget(session, limits[0][0])


def prune(session: Session, now: datetime) -> None:
    attempts.prune(session, now - KEPT)


def network(ip: str) -> str:
    """Who is behind an address: for IPv6 the /64, which is one connection."""
    try:
        found = ipaddress.ip_address(ip)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, 64), strict=False).network_address)
    return str(getattr(found, "ipv4_mapped", None) or found)


def _minutes(session: Session, key: str, most: int, now: datetime) -> int:
    tries = attempts.newest(session, key, now - WINDOW, most)
    return max(1, ceil((tries[-1] + WINDOW - now) / timedelta(minutes=1))) if len(tries) >= most else 0

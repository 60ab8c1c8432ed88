"""How many sign-ups one place may send in an hour as they come; and how many more with patience or with work.

Nobody is turned away for sitting in a large office: above the caps a ticket is handed out, a form that is good once,
after a few seconds, or at once with a proof of work on it. Counts are in the database, under keyed hashes.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from course.core import proof_of_work
from course.core.errors import CourseError
from course.store import attempts, installation

WINDOW = timedelta(hours=1)  # what is counted; and a ticket's life
PATIENCE = timedelta(seconds=5)  # from the ticket to the form, without work


@dataclass(frozen=True, slots=True)
class SignupCaps:
    """Sign-ups in an hour; 0 is no limit. `cost`: rounds of a try of the work."""

    per_ip: int = 20
    per_network: int = 60
    waited: int = 300  # of a network
    worked: int = 3000  # of a network
    cost: int = proof_of_work.COST


@dataclass(frozen=True, slots=True)
class Ticket:
    text: str  # names it
    issued: datetime
    worked: bool


class Crowd(StrEnum):
    """What somebody hears who came after too many others."""

    ASKED = "asked"  # take this ticket
    EARLY = "early"  # the ticket is good, but not yet
    FULL = "full"  # come back later


class Crowded(CourseError):
    def __init__(self, crowd: Crowd) -> None:
        super().__init__(f"too many sign-ups from there: {crowd}")
        self.crowd = crowd


def admit(session: Session, caps: SignupCaps, places: tuple[str, str], ticket: Ticket | None, now: datetime) -> None:
    """Counts a sign-up from these places, see `places`. Raises Crowded where it is one too many."""
    if ticket is None or not now - WINDOW < ticket.issued <= now:
        ip, network = places
        _count(session, [(f"signup:{ip}", caps.per_ip), (f"signup:{network}", caps.per_network)], now, Crowd.ASKED)
        return
    if not ticket.worked and now < ticket.issued + PATIENCE:
        raise Crowded(Crowd.EARLY)
    installation.get(session, lock=True)  # two forms with one ticket come one after the other
    _count(session, [(f"ticket:{hashlib.sha256(ticket.text.encode()).hexdigest()}", 1)], now, Crowd.ASKED)
    kind, most = ("worked", caps.worked) if ticket.worked else ("waited", caps.waited)
    _count(session, [(f"{kind}:{places[1]}", most)], now, Crowd.FULL if ticket.worked else Crowd.ASKED)


def _count(session: Session, limits: Sequence[tuple[str, int]], now: datetime, crowd: Crowd) -> None:
    """At most two limits. What is refused is not counted: the caller's transaction goes back."""
    limited = {key: most for key, most in limits if most}
    if not limited:
        return
    keys = list(limited)
    counts = attempts.counts(session, keys[0], keys[-1], now - WINDOW)
    if any(counts.get(key, 0) >= most for key, most in limited.items()):
        raise Crowded(crowd)
    attempts.note(session, keys, now)


def places(ip: str, secret: str) -> tuple[str, str]:
    """Keyed hashes of an address and of its network: the /24 of IPv4, the /64 of IPv6. What is no address at all is one
    place for all."""
    try:
        found = ipaddress.ip_address(ip)
    except ValueError:
        return _hashed("unknown", secret), _hashed("unknown network", secret)
    found = getattr(found, "ipv4_mapped", None) or found
    kept = found.packed[: 3 if found.version == 4 else 8]
    return _hashed(str(found), secret), _hashed(f"{found.version} {kept.hex()}", secret)


def _hashed(place: str, secret: str) -> str:
    return hmac.digest(secret.encode(), f"sign-ups from {place}".encode(), "sha256")[:16].hex()

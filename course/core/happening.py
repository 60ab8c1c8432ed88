"""What providers tell us of a message, in our words, and which word weighs more."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Happened(StrEnum):
    """In the order of weight: events come doubled and in any order, and the weightiest one stays."""

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    BOUNCE_SOFT = "bounce_soft"
    DELIVERED = "delivered"
    FAILED = "failed"  # the provider gave up on its own side
    BLOCKED = "blocked"  # the provider's own list of addresses not to mail
    BOUNCE_HARD = "bounce_hard"
    UNSUBSCRIBE = "unsubscribe"
    COMPLAINT = "complaint"

    @property
    def weight(self) -> int:
        return list(Happened).index(self)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one message. `identity` is the same each time the provider tells it again."""

    identity: str
    what: Happened | None  # None: something we have no word for, kept and left alone
    send_id: str  # "" where the provider did not hand ours back
    recipient: str
    at: datetime
    detail: str
    raw: str  # as it was told, JSON

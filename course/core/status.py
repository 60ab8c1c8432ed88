"""The states of an enrollment and of a delivery, and which may follow which."""

from enum import StrEnum


class Enrolled(StrEnum):
    ACTIVE = "active"
    FINISHED = "finished"  # had every lesson
    LEFT = "left"  # the reader said so
    STOPPED = "stopped"  # the address refuses, or complained


class Sent(StrEnum):
    """What became of a delivery."""

    QUEUED = "queued"  # surely not at the provider
    SENDING = "sending"  # marked: a call is or was under way
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"  # may be at the provider: settled by replay, look-up or event, never by sending blindly
    CANCELLED = "cancelled"  # surely not sent, and no longer wanted


FOLLOWS: dict[Sent, frozenset[Sent]] = {
    Sent.QUEUED: frozenset({Sent.SENDING, Sent.CANCELLED}),
    # back to queued only on proof that it was not taken
    Sent.SENDING: frozenset({Sent.ACCEPTED, Sent.REFUSED, Sent.UNKNOWN, Sent.QUEUED}),
    Sent.UNKNOWN: frozenset({Sent.ACCEPTED, Sent.REFUSED, Sent.QUEUED, Sent.CANCELLED}),
    Sent.ACCEPTED: frozenset(),
    Sent.REFUSED: frozenset({Sent.QUEUED}),  # a coach sends it again after mending it
    Sent.CANCELLED: frozenset(),
}
UNSETTLED = (Sent.SENDING, Sent.UNKNOWN)


class Suppressed(StrEnum):
    """Why an address is not mailed."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"


ERASED = "erased"  # beside these: by their own wish; no list brings them back, but they may sign up anew
RETURNED = "returned"  # erased once, and signed up anew since: nothing is held against them

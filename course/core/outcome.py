"""What became of one message. An outcome's class says what to do next, not what broke.

Outcome
├── Accepted       the provider has it: record, go on
├── Refused        it never will, because of the recipient or of the message: stop or set aside, reason kept
├── Unreachable    surely not taken: queued again, after a while
├── Misconfigured  nothing will go (key, sender, quota): the lane pauses, no attempt is burned
└── Uncertain      it may have been taken: never again in silence
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has the message. `provider_id` is its name for it, "" where it gives none."""

    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """It will never be taken: `scope` says whether the address or the content is to blame; or that a call of several
    was refused as a whole because of one or more in it, so that it has to be halved to find them."""

    reason: str
    scope: Literal["recipient", "message", "call"]


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Surely not taken. `after` is the wait in seconds that the provider asked for, if it did. `scope` says whether
    nothing gets through now, or only this message has to wait (greylisting), or the call was never begun because of
    something in this worker, which says nothing of the provider."""

    reason: str
    after: float | None = None
    scope: Literal["provider", "message", "worker"] = "provider"


@dataclass(frozen=True, slots=True)
class Misconfigured:
    """Nothing will go until somebody changes a key, a sender, a quota or an address."""

    reason: str


@dataclass(frozen=True, slots=True)
class Uncertain:
    """It may have been taken: no answer, half an answer, or one that cannot be read. `key_taken`: the provider knows
    the call's key with other bytes, so an earlier call did arrive. `after` is the wait in seconds that was asked for
    all the same (a 503 with Retry-After)."""

    reason: str
    key_taken: bool = False
    after: float | None = None


HELD_UP = Unreachable("this worker was held up before the call", scope="worker")
Outcome = Accepted | Refused | Unreachable | Misconfigured | Uncertain


def reason(outcome: Outcome) -> str:
    """Why it is not known to be accepted; "" if it is."""
    return "" if isinstance(outcome, Accepted) else outcome.reason

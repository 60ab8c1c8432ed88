"""The contract of a provider: one small file each, which says only how its requests and answers look.

Building and posting are two steps, so that the bytes can be stored between them and a replay is the same call.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from functools import partial
from typing import ClassVar

from course.core.letter import Message
from course.core.outcome import Outcome, Refused

# What the adapters' tables of foreign words lead to: an outcome that is made from a reason.
Meaning = Callable[[str], Outcome]
RECIPIENT: Meaning = partial(Refused, scope="recipient")
MESSAGE: Meaning = partial(Refused, scope="message")
Ready = Callable[[], bool]


def always() -> bool:
    return True


class Provider(ABC):
    """Where mail goes. Methods are called from several threads at once."""

    name: ClassVar[str]
    batch_size: ClassVar[int] = 1
    """Messages in one call, at most."""
    honours_keys: ClassVar[bool] = False
    """The same key with the same bytes gives the stored answer and sends no second mail (for 24 hours)."""
    settle: timedelta | None = None
    """How long after a call `look_up` may be believed when it finds nothing; None: there is no look-up."""

    @abstractmethod
    def build(self, messages: Sequence[Message]) -> bytes:
        """The body of one call for 1 to `batch_size` messages. Pure: no network, no clock. ValueError for an address
        or a header name that must never have come this far."""

    @abstractmethod
    def post(self, body: bytes, key: str, count: int, ready: Ready = always) -> list[Outcome]:
        """Makes the call and returns `count` outcomes in the order of the messages. Never raises for what the
        network or the provider does: that is an outcome. Where what was taken twice is sent twice, `ready` is asked at
        the last moment at which nothing can have been taken; False: it is not, and the outcomes are Unreachable.

        A call that was refused as a whole gives every message the same Refused("message"). Nothing was taken, and
        nobody knows whose fault it was: before any of several messages is blamed, each must be posted alone."""

    def send(self, messages: Sequence[Message], key: str) -> list[Outcome]:
        """Builds and posts in one go. `key` names this call for ever (ASCII, at most 64 characters)."""
        return self.post(self.build(messages), key, len(messages))

    def without(self, body: bytes, places: Collection[int]) -> bytes:
        """The body of the same call without the messages at these places; for providers that honour keys."""
        raise NotImplementedError(f"{self.name} has no keys")

    def look_up(self, send_ids: Sequence[str]) -> dict[str, str | None]:
        """Asks which messages the provider has: send id -> its id for it ("" where it gives none), or None if it
        has none. Send ids it could not ask about (network, limits) are left out."""
        raise NotImplementedError(f"{self.name} offers no look-up")

    def close(self) -> None:  # noqa: B027 (most have nothing to close)
        """Lets go of connections; the provider may be used again afterwards."""

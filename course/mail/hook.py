"""The contract of a provider's webhook: is it genuine, and what does it say.

Nothing is parsed before it is verified over the raw bytes. What is not JSON, or not as expected, is no reason to
fail: it is kept as it came.
"""

import hmac
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, ClassVar

from course.core.happening import Event, Happened

MAX_TEXT = 500  # characters kept of a reason


class Hook(ABC):
    """One provider's way of telling. `secrets` are all that are believed now; while they rotate there are two."""

    name: ClassVar[str]
    words: ClassVar[Mapping[str, Happened]]  # the provider's word -> ours

    def __init__(self, secrets: Sequence[str]) -> None:
        self.secrets = tuple(secrets)

    def opens(self, path_secret: str) -> bool:
        """Whether the address was right. Without any secret the door is shut."""
        return any(hmac.compare_digest(path_secret.encode(), secret.encode()) for secret in self.secrets)

    @abstractmethod
    def genuine(self, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
        """Whether the provider itself signed these bytes; for one that signs nothing, the address is the proof."""

    @abstractmethod
    def read(self, item: Mapping[str, Any], headers: Mapping[str, str], now: datetime) -> Event:
        """One event. May raise anything: `events` then keeps the item as it came."""

    def events(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Iterator[Event]:
        """Every event of a request; one that cannot be read does not lose the others."""
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            told = None
        for item in told if isinstance(told, list) else [told]:
            try:
                yield self.read(item, headers, now)
            except Exception:  # whatever a stranger's JSON can be
                raw = body.decode("utf-8", "replace").replace("\x00", "\ufffd")
                yield Event(sha256(body).hexdigest(), None, "", "", now, "cannot be read", raw)


def text(value: Any) -> str:
    """A value of a stranger's JSON as text that every database can keep."""
    return str(value if value is not None else "").encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


def instant(value: Any, now: datetime) -> datetime:
    """An ISO time; what cannot be read, or lies ahead, is now."""
    try:
        found = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        return now
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    return min(found.astimezone(UTC), now)


def digest(*parts: str) -> str:
    """An identity for an event whose provider gives none."""
    return sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()

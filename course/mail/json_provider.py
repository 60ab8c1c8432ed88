"""What the providers with a JSON array have in common; an adapter says only how its items look."""

import json
from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from io import BytesIO
from typing import Any, ClassVar

from course.core.letter import Message, one_line
from course.core.outcome import Misconfigured, Outcome, Refused, Uncertain, Unreachable
from course.mail.http import Answer, Http
from course.mail.provider import MESSAGE, Meaning, Provider, Ready, always

LONGEST_REASON = 300

# What a status means where the provider's own word is missing or not known. It never blames a recipient.
_STATUSES: dict[int, Meaning] = {
    401: Misconfigured,
    402: Misconfigured,
    403: Misconfigured,
    404: Misconfigured,
    405: Misconfigured,
    407: Misconfigured,
    408: Unreachable,  # it waited for the rest of our request
    410: Misconfigured,
    413: MESSAGE,
    415: MESSAGE,
    425: Unreachable,
    429: Unreachable,
}


class JsonProvider(Provider):
    """Posts a JSON array to one path and reads an outcome for each item from the answer."""

    path: ClassVar[str]

    def __init__(self, http: Http):
        self._http = http

    @abstractmethod
    def item(self, message: Message) -> dict[str, Any]:
        """One message in the provider's words."""

    @abstractmethod
    def read_items(self, answer: Any, count: int) -> list[Outcome] | None:
        """The outcomes from the JSON of a 2xx, or None if it is not what was promised for `count` messages."""

    @abstractmethod
    def read_refusal(self, answer: Answer) -> Outcome | None:
        """The outcome from the JSON of another status, or None if it is not in the provider's words."""

    def call_headers(self, key: str) -> dict[str, str]:
        return {}

    def build(self, messages: Sequence[Message]) -> bytes:
        # The keys stay in the order of the adapter, so the same messages are the same bytes.
        return _dumped(self.item(message) for message in messages)

    def post(self, body: bytes, key: str, count: int, ready: Ready = always) -> list[Outcome]:
        answer = self._http.post(self.path, body, self.call_headers(key), ready)
        if not isinstance(answer, Answer):
            return [answer] * count
        if 200 <= answer.status < 300:
            unreadable = Uncertain(f"{answer.status}, but the answer is not one to {count} messages")
            return self.read_items(answer.json, count) or [unreadable] * count
        return [_of_a_call(self.read_refusal(answer) or outcome_of_status(answer), count)] * count

    def without(self, body: bytes, places: Collection[int]) -> bytes:
        return _dumped(item for place, item in enumerate(json.loads(body)) if place not in places)

    def close(self) -> None:
        self._http.close()


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _dumped(items: Iterable[Any]) -> bytes:
    """One by one into one buffer: a whole batch as values, as text and as bytes would be some 30 MB at once."""
    body = BytesIO()
    body.write(b"[")
    for place, item in enumerate(items):
        body.write(b"," if place else b"")
        body.write(_JSON.encode(item).encode("utf-8", "replace"))
    body.write(b"]")
    return body.getvalue()


def outcome_of_status(answer: Answer) -> Outcome:
    """The outcome of an answer that is no 2xx and is not in the provider's words."""
    if answer.status >= 500:
        return Uncertain(f"{answer.status}", after=answer.after)  # users report mail that went out with a 502
    # Without JSON it was a proxy or a firewall that spoke, not the provider: no message is to blame.
    otherwise = MESSAGE if isinstance(answer.json, dict) else Misconfigured
    return outcome(_STATUSES.get(answer.status, otherwise), answer, "no reason given")


def outcome(meaning: Meaning, answer: Answer, text: str) -> Outcome:
    """`text` is the provider's; it is shown to a coach, so it is one line and short."""
    reason = reason_of(answer.status, text)
    return meaning(reason, after=answer.after) if meaning in {Unreachable, Uncertain} else meaning(reason)


def reason_of(code: object, text: str) -> str:
    return one_line(f"{code} {text}")[:LONGEST_REASON]


def word(answer: Any, name: str) -> str:
    """A string from a JSON object, "" if it is none or has none."""
    value = answer.get(name) if isinstance(answer, Mapping) else None
    return value if isinstance(value, str) else ""


def _of_a_call(outcome: Outcome, count: int) -> Outcome:
    """A call of several messages says of none of them that its recipient is to blame."""
    if isinstance(outcome, Refused) and count > 1:
        return Refused(outcome.reason, "call")
    return outcome

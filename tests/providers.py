"""Providers for tests that keep a ledger of what they truly accepted and answer as they are told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from course.core.letter import Message
from course.core.outcome import HELD_UP, Accepted, Outcome
from course.mail.provider import Provider, Ready, always

Answer = Callable[[list[str]], list[Outcome]]


def accept(send_ids: list[str]) -> list[Outcome]:
    return [Accepted(send_id) for send_id in send_ids]


@dataclass
class Ledger(Provider):
    """Batches of 4, no keys, no look-up: an unknown stays one. `answer` gets the send ids of a call."""

    name: ClassVar[str] = "ledger"
    batch_size: ClassVar[int] = 4
    answer: Answer = accept
    taken: list[str] = field(default_factory=list)
    calls: list[list[str]] = field(default_factory=list)

    def build(self, messages: Sequence[Message]) -> bytes:
        return " ".join(message.send_id for message in messages).encode()

    def post(self, body: bytes, key: str, count: int, ready: Ready = always) -> list[Outcome]:
        if not ready():
            return [HELD_UP] * count
        send_ids = body.decode().split()
        self.calls.append(send_ids)
        outcomes = self.answer(send_ids)
        self.taken += [one for one, outcome in zip(send_ids, outcomes, strict=True) if isinstance(outcome, Accepted)]
        return outcomes


class Searchable(Ledger):
    """The same with a look-up that is right at once."""

    name: ClassVar[str] = "searchable"
    settle: Any = timedelta(minutes=30)

    def look_up(self, send_ids: Sequence[str]) -> dict[str, str | None]:
        return {one: one if one in self.taken else None for one in send_ids}

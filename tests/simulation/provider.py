"""A provider that keeps a ledger of what it truly took, and says about it what the seed makes it say."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any, ClassVar, Protocol

from course.core.happening import Happened
from course.core.letter import Message
from course.core.outcome import Accepted, Misconfigured, Outcome, Refused, Uncertain, Unreachable
from course.mail.provider import Provider, Ready, always
from tests.simulation.records import Taken
from tests.simulation.script import Script, Traits, number

KEYS_LIVE = timedelta(hours=24)
POISON = "poison"  # in a lesson's text: this provider will not take it


class Surroundings(Protocol):
    """What the provider may know of its world."""

    script: Script
    rng: Random
    clock: datetime
    quiet: bool  # no more faults

    def licence(self) -> tuple[int, int]: ...
    def took(self, entry: Taken) -> None: ...
    def posted(self, key: str, count: int, fault: int) -> None: ...
    def may_crash(self, where: str) -> None: ...
    def tell(self, account: str, entry: Taken, what: Happened, mailbox: str) -> None: ...


@dataclass
class Kept:
    """What an idempotency key stands for."""

    body: bytes
    at: datetime
    outcomes: list[Outcome]


@dataclass
class Account(Provider):
    """One account at one provider. Requests are JSON, one object a message."""

    name: ClassVar[str]
    world: Surroundings
    traits: Traits
    entries: list[tuple[Taken, datetime]] = field(default_factory=list)  # and when the index finds it
    keys: dict[str, Kept] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.name = self.traits.name  # type: ignore[misc]
        self.batch_size, self.honours_keys = self.traits.batch, self.traits.keys  # type: ignore[misc]
        self.settle = self.traits.settle if self.traits.looks else None

    def build(self, messages: Sequence[Message]) -> bytes:
        return _dumped([_item(message) for message in messages])

    def without(self, body: bytes, places: Collection[int]) -> bytes:
        return _dumped([item for place, item in enumerate(json.loads(body)) if place not in places])

    def post(self, body: bytes, key: str, count: int, ready: Ready = always) -> list[Outcome]:
        items = json.loads(body)
        assert len(items) == count
        fault = self._span("account")
        self.world.posted(key, count, fault)
        if fault:
            return [Misconfigured("401 the key is not valid")] * count
        if self._span("closed"):
            return [Unreachable("connection refused")] * count
        if self._span("silent"):
            return self._unheard(items, body, key, count)
        self.world.may_crash("on the way")
        return self._answered(items, body, key, count)

    def look_up(self, send_ids: Sequence[str]) -> dict[str, str | None]:
        if self._goes_wrong():
            return {one: self._found(one) for one in send_ids[: self.world.rng.randrange(len(send_ids) + 1)]}
        return {one: self._found(one) for one in send_ids}

    def _found(self, send_id: str) -> str | None:
        if self._span("blind"):
            return None
        found = (entry for entry, indexed in self.entries if indexed <= self.world.clock)
        return next((entry.key for entry in found if entry.send_id == send_id), None)

    def _span(self, kind: str) -> int:
        """The number of the trouble that holds now, from 1; 0 for none."""
        now, spans = self.world.clock, self.world.script.spans
        return next((n for n, s in enumerate(spans, 1) if s.kind == kind and s.since <= now < s.until), 0)

    def _goes_wrong(self) -> bool:
        return not self.world.quiet and self.world.rng.random() < self.world.script.trouble

    def _unheard(self, items: list[Any], body: bytes, key: str, count: int) -> list[Outcome]:
        """No answer comes; whether the message was taken, nobody is told."""
        if self.world.rng.random() < 0.5:
            self._process(items, body, key)
        return [Uncertain("no answer within 30 s")] * count

    def _answered(self, items: list[Any], body: bytes, key: str, count: int) -> list[Outcome]:
        rng = self.world.rng
        wrong = rng.choice(WRONG) if self._goes_wrong() else ""
        if wrong == "429":
            return [Unreachable("429 slow down", rng.choice((None, 0.0, 1.0, 90.0, 3600.0)))] * count
        if wrong == "no road" or (wrong == "503" and not self.traits.keys):
            return [Unreachable("503 nothing was taken")] * count
        if wrong == "500 before":
            if self.traits.keys and self.traits.keeps_failures and key not in self.keys:
                self.keys[key] = Kept(body, self.world.clock, [Uncertain("500")] * count)
            return [Uncertain("500")] * count
        if wrong == "lost before":
            return [Uncertain("the connection was reset")] * count
        outcomes = self._process(items, body, key, partly=wrong == "partly")
        self.world.may_crash("on the way back")
        match wrong:
            case "lost after" | "500 after":
                return [Uncertain("the answer was lost")] * count
            case "raises":
                raise RuntimeError("the adapter stumbles over the answer")
            case "too short":
                return outcomes[:-1]
            case "too long":
                return [*outcomes, Accepted("nobody's")]
        return outcomes

    def _process(self, items: list[Any], body: bytes, key: str, *, partly: bool = False) -> list[Outcome]:
        """What the provider does with a call that it got whole."""
        kept = self.keys.get(key) if self.traits.keys else None
        if kept and self.world.clock - kept.at < KEYS_LIVE:
            taken = Uncertain("409 the key was used with another body", key_taken=True)
            return kept.outcomes if kept.body == body else [taken] * len(items)
        verdicts = [self._verdict(item, partly=partly) for item in items]
        if self.traits.whole and len(items) > 1 and any(isinstance(one, Refused) for one in verdicts):
            return [Refused("one of them cannot be", "call")] * len(items)
        outcomes = [verdict or self._take(item, key) for item, verdict in zip(items, verdicts, strict=True)]
        if self.traits.keys and (self.traits.keeps_failures or any(isinstance(one, Accepted) for one in outcomes)):
            self.keys[key] = Kept(body, self.world.clock, outcomes)
        return outcomes

    def _verdict(self, item: Any, *, partly: bool) -> Outcome | None:
        if item["who"] in self.world.script.bad_addresses:
            return Refused("no such mailbox", "recipient")
        if item["poison"]:
            return Refused("the content is not wanted", "message")
        if partly and not self.traits.keys and self.world.rng.random() < 0.5:
            return Unreachable("try that one later", scope="message")
        return None

    def _take(self, item: Any, key: str) -> Outcome:
        turn, licence = self.world.licence()
        links, unresolved = tuple(item["links"]), item["unresolved"]
        entry = Taken(turn, licence, self.world.clock, item["id"], item["to"], key, links, unresolved)
        lag = self.traits.settle * self.world.rng.uniform(0, 0.9)
        self.entries.append((entry, self.world.clock + lag))
        self.world.took(entry)
        if self.traits.hooks:
            bounces = item["who"] in self.world.script.bouncing
            what = Happened.BOUNCE_HARD if bounces else self.world.rng.choice(TOLD)
            self.world.tell(self.traits.name, entry, what, item["to"])
        return Accepted(f"{key}/{item['id'][:8]}")


WRONG = ("429", "429", "no road", "503", "500 before", "500 after", "lost before", "lost after", "lost after", "partly",
         "raises", "too short", "too long")  # fmt: skip
TOLD = (*[Happened.DELIVERED] * 20, *[Happened.DEFERRED, Happened.BOUNCE_SOFT] * 2, Happened.COMPLAINT,
        Happened.UNSUBSCRIBE)  # fmt: skip


def _item(message: Message) -> dict[str, Any]:
    text = "\n".join((message.subject, message.text, message.html))
    return {
        "id": message.send_id,
        "to": message.to.lower(),
        "who": number(message.to),
        "links": [value for name, value in message.headers.items() if name.lower() == "list-unsubscribe"],
        "poison": POISON in text,
        "unresolved": "{{" in text or "%recipient" in text,
        "digest": sha256(text.encode()).hexdigest(),
    }


def _dumped(items: Sequence[Any]) -> bytes:
    return json.dumps(items).encode()

"""The way out through one provider account, and what every marking transaction does.

The mark is one durable transaction before the provider is called: deliveries become `sending`, and the Call is stored
with its members in order. A killed worker that had not marked lets go by rollback; one that had leaves a Call, which
`settling` takes up. Who is due is found by `marking`; what the provider answered is for `recording`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy.orm import Session

from course.actions.letters import Letters
from course.actions.planning import Planners
from course.core import bundle
from course.core.caps import Caps
from course.core.clock import Now
from course.core.letter import Message
from course.core.status import Sent
from course.mail.provider import Provider
from course.store import calls, deliveries
from course.store.models import Lane

Kind = Literal["confirm", "lesson"]
GROUP = 32  # calls made at once where a provider takes one message per call


@dataclass(frozen=True, slots=True)
class Batch:
    """What one mark decided to send: `members` are delivery ids in the order of `messages`; `bodies` are the requests,
    each for up to the provider's batch size of messages. `more`: others may be waiting."""

    call_id: str
    members: list[int]
    messages: list[Message]
    bodies: list[bytes]
    more: bool


@dataclass(frozen=True, slots=True)
class Sending:
    """The way out through one provider account."""

    provider: Provider
    account: str
    letters: Letters
    lease: timedelta  # after it, others may take the call up
    checks_window: bool  # False where the course calendar runs fast: then the plan alone decides
    new_call_id: Callable[[], str]
    caps: Caps = field(default_factory=Caps)

    def room(self, lane: Lane, kind: Kind, now: datetime, *, counted: bool = False) -> int:
        """How many messages a mark may take now. `counted`: the caps have let them through, in a call that was refused
        as a whole."""
        if lane.paused_until and lane.paused_until > now:
            return 0
        if lane.failures:
            return 1  # after trouble, a single probe
        size = max(self.provider.batch_size, GROUP)
        if counted:
            return size
        spent = calls.spent(lane, now)
        left = self.caps.left(this_second=spent.second, today=spent.today, day=spent.day, service=kind == "confirm")
        return size if left is None else min(size, left)


@dataclass(slots=True)
class Marking:
    """One marking transaction: what it takes, cancels and refuses. What is due is for `marking`."""

    sending: Sending
    session: Session
    now: Now
    call_id: str
    planners: Planners = field(init=False)
    members: list[int] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.planners = Planners(self.session)

    def batch(self, kind: Kind, *, more: bool) -> Batch:
        provider, bodies = self.sending.provider, self._bodies()
        if self.members:
            calls.add(
                self.session,
                id=self.call_id,
                provider=provider.name,
                account=self.sending.account,
                kind=kind,
                state="sending",
                members=self.members,
                bodies=bundle.pack(bodies) if provider.honours_keys else None,
                marked_at=self.now.machine,
                next_try_at=self.now.machine + self.sending.lease,
            )
        return Batch(self.call_id, self.members, self.messages, bodies, more)

    def _bodies(self) -> list[bytes]:
        """The requests. A message that cannot be built is set aside: it must not keep the others from going."""
        size = self.sending.provider.batch_size
        try:
            return [
                self.sending.provider.build(self.messages[i : i + size]) for i in range(0, len(self.messages), size)
            ]
        except Exception:
            self._set_aside_what_cannot_be_built()
            return self._bodies()

    def _set_aside_what_cannot_be_built(self) -> None:
        good = []
        for member, message in zip(self.members, self.messages, strict=True):
            try:
                self.sending.provider.build([message])
                good.append((member, message))
            except Exception as error:
                deliveries.change(self.session, member, **self.refusal(f"the mail cannot be built: {error}"))
        if len(good) == len(self.members):
            raise RuntimeError("each message can be built, but not all together")
        self.members, self.messages = [member for member, _ in good], [message for _, message in good]

    def join(self, member: int, message: Message) -> None:
        self.members.append(member)
        self.messages.append(message)

    def again(self, row: Any, **values: Any) -> None:
        values |= {"state": Sent.SENDING, "call_id": self.call_id, "attempts": row.attempts + 1}
        deliveries.change(self.session, row.id, **values)

    def cancel(self, row: Any, reason: str) -> None:
        deliveries.change(self.session, row.id, state=Sent.CANCELLED, reason=reason, done_at=self.now.machine)

    def refusal(self, problem: str) -> dict[str, Any]:
        return {
            "state": Sent.REFUSED,
            "scope": "message",
            "reason": problem[:500],
            "done_at": self.now.machine,
            "call_id": None,
        }

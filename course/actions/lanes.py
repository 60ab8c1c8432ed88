"""Lanes: what one account's answers mean for everything that goes through it.

After trouble a lane is closed for a while, longer each time, and then one message at a time is the probe. The first
that is accepted opens it.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from course.core.outcome import Accepted, Misconfigured, Outcome, Uncertain, Unreachable
from course.store import alarms, calls

LONGEST = timedelta(hours=1)  # that a provider may make us wait by Retry-After
ALARMS_AFTER = 8  # failures in a row of a road that is closed, and may open again by itself


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait after a failure: full jitter, from nothing to 30 s doubled each time, at most `cap` seconds. A
    message that is put off by itself waits for half of that at least and for `alone` at most: the first tries are for a
    greylist, the last ones for a full mailbox."""

    cap: float
    rng: random.Random
    alone: float = 0.0  # or `cap`, if that is longer

    def after(self, failures: int, *, alone: bool = False) -> timedelta:
        longest = min(max(self.cap, self.alone) if alone else self.cap, 30.0 * 2 ** min(failures, 20))
        return timedelta(seconds=self.rng.uniform(longest / 2 if alone else 0, longest))


def note(
    session: Session,
    provider: str,
    account: str,
    outcomes: Sequence[Outcome],
    now: datetime,
    backoff: Backoff,
    *,
    leased_until: datetime | None,
) -> None:
    """What one account's answer means for everything that goes through it. `leased_until`: the end of the lease under
    which the call was made; None for an answer that came after it, or to a look-up or a repeat."""
    trouble = _trouble(outcomes, is_news=leased_until is not None)
    lane = calls.lane(session, provider, account, lock=trouble is not None)
    if trouble is None:
        if lane.failures and any(isinstance(outcome, Accepted) for outcome in outcomes):
            lane.failures, lane.paused_until, lane.reason = 0, None, ""
            alarms.clear(session, f"lane:{provider}:{account}", now)
        elif leased_until and lane.paused_until == leased_until:
            lane.paused_until = None  # the answer to a probe was about its message, so the next one need not wait
        return
    wait = backoff.after(lane.failures)
    if not isinstance(trouble, Misconfigured) and trouble.after is not None:
        wait = min(max(wait, timedelta(seconds=trouble.after)), LONGEST)
    lane.failures, lane.paused_until, lane.reason = lane.failures + 1, now + wait, trouble.reason[:500]
    if isinstance(trouble, Misconfigured) or lane.failures >= ALARMS_AFTER:
        said = trouble.reason.rstrip(".")
        text = f"Mail is stopped. {provider} said: {said}. What is due waits, and none of it is lost."
        alarms.ring(session, f"lane:{provider}:{account}", text, now)


def leave_others(session: Session, provider: str, account: str, now: datetime) -> None:
    """Mail goes through this account from now on: what was wrong with another one is over."""
    for lane in calls.lanes(session):
        if lane.failures and (lane.provider, lane.account) != (provider, account):
            lane.failures, lane.paused_until, lane.reason = 0, None, ""
            alarms.clear(session, f"lane:{lane.provider}:{lane.account}", now)


def _trouble(outcomes: Sequence[Outcome], *, is_news: bool) -> Misconfigured | Unreachable | Uncertain | None:
    """What keeps everything from getting through: an account's fault says more than a closed road, and that more than
    a provider that takes messages and does not answer, or with a 503: each further call would be one more unknown."""
    for outcome in outcomes:
        if isinstance(outcome, Misconfigured):
            return outcome
    closed = next((o for o in outcomes if isinstance(o, Unreachable) and o.scope == "provider"), None)
    if closed or not is_news or any(isinstance(outcome, Accepted) for outcome in outcomes):
        return closed
    return next((outcome for outcome in outcomes if isinstance(outcome, Uncertain)), None)


def own_faults(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """What stops one message and not those after it is no fault of the account: an address that is not relayed to."""
    accepted = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, Accepted)]
    last = max(accepted, default=0)
    return [
        Unreachable(outcome.reason, scope="message") if isinstance(outcome, Misconfigured) and place < last else outcome
        for place, outcome in enumerate(outcomes)
    ]

"""Calls: requests to a provider, as they were made; and lanes, the accounts they go through."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, insert, or_, select, update
from sqlalchemy.orm import Session

from course.store.db import insert_of
from course.store.models import Call, Lane


def add(session: Session, **values: Any) -> None:
    session.execute(insert(Call).values(values))


def take_open(
    session: Session, provider: str, account: str, now: datetime, lease_until: datetime, hopeless: datetime
) -> Call | None:
    """One call whose lease ended, now leased to the caller; others skip it. Whoever made it is no longer believed when
    it says that nothing was taken: the caller may post it again. Calls of another account are taken when they were left
    alone, and when they were marked before `hopeless`."""
    mine = and_(Call.provider == provider, Call.account == account)
    call = session.scalar(
        select(Call)
        .where(Call.state != "done", Call.next_try_at <= now)
        .where(or_(mine, Call.state == "sending", Call.marked_at <= hopeless))
        .order_by(Call.next_try_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if call:
        call.state, call.next_try_at = "unknown", lease_until
    return call


def by_id(session: Session, call_id: str, *, lock: bool = False) -> Call | None:
    return session.get(Call, call_id, with_for_update=lock, populate_existing=lock)


def newest(session: Session) -> Call | None:
    return session.scalar(select(Call).order_by(Call.marked_at.desc()).limit(1))


def open_of_kind(session: Session, *kinds: str) -> Sequence[Call]:
    return session.scalars(select(Call).where(Call.state != "done", Call.kind.in_(kinds))).all()


def try_now(session: Session, provider: str, account: str) -> None:
    """A lane that waits after trouble waits no longer: the next mail tries whether it is over."""
    mine = update(Lane).where(Lane.provider == provider, Lane.account == account)
    session.execute(mine.values(paused_until=None))


def save(session: Session, call_id: str, **values: Any) -> None:
    session.execute(update(Call).where(Call.id == call_id).values(values))


def lane(session: Session, provider: str, account: str, *, lock: bool = False) -> Lane:
    """The lane's row, made when it is first asked for; two processes may ask at once."""
    options: dict[str, Any] = {"with_for_update": lock, "populate_existing": lock}
    row = session.get(Lane, (provider, account), **options)
    if row is None:
        new = {"provider": provider, "account": account, "reason": "", "failures": 0}
        counts = {"second": 0, "second_count": 0, "day": 0, "day_count": 0}
        session.execute(insert_of(session)(Lane).values(new | counts).on_conflict_do_nothing())
        row = session.get_one(Lane, (provider, account), **options)
    return row


class Spent(NamedTuple):
    """Messages marked in this second and today, and which day of the account it is (0 is its first)."""

    second: int
    today: int
    day: int


def spent(lane: Lane, now: datetime) -> Spent:
    second, day = _counted(now)
    return Spent(
        second=lane.second_count if lane.second == second else 0,
        today=lane.day_count if lane.day == day else 0,
        day=day - _counted(lane.first_at)[1] if lane.first_at else 0,
    )


def spend(lane: Lane, messages: int, now: datetime) -> None:
    """Counts messages that are marked now. The caller holds the lane's row."""
    before = spent(lane, now)
    lane.second, lane.day = _counted(now)
    lane.second_count, lane.day_count = before.second + messages, before.today + messages
    lane.first_at = lane.first_at or now


def _counted(at: datetime) -> tuple[int, int]:
    """The second and the day since 1970, UTC."""
    second = int(at.timestamp())
    return second, second // 86_400


def lanes(session: Session) -> Sequence[Lane]:
    return session.scalars(select(Lane)).all()


def done_near(session: Session, call: Call, limit: int) -> Sequence[Call]:
    """Calls of the same account that were answered: first those marked after this one, then those before."""
    query = select(Call).where(
        Call.provider == call.provider, Call.account == call.account, Call.state == "done", Call.id != call.id
    )
    later = query.where(Call.marked_at >= call.marked_at).order_by(Call.marked_at).limit(limit)
    earlier = query.where(Call.marked_at < call.marked_at).order_by(Call.marked_at.desc()).limit(limit)
    return [*session.scalars(later), *session.scalars(earlier)]

"""Calls: requests to a provider, as they were made; and lanes, the accounts they go through."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from course.store.models import Call, Lane


def add(session: Session, **values: Any) -> None:
    session.execute(insert(Call).values(values))


def take_open(session: Session, provider: str, account: str, now: datetime, lease_until: datetime) -> Call | None:
    """One call whose lease ended, now leased to the caller; others skip it."""
    call = session.scalar(
        select(Call)
        .where(Call.state != "done", Call.next_try_at <= now, Call.provider == provider, Call.account == account)
        .order_by(Call.next_try_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if call:
        call.lease_until = call.next_try_at = lease_until
    return call


def by_id(session: Session, call_id: str) -> Call | None:
    return session.get(Call, call_id)


def save(session: Session, call_id: str, **values: Any) -> None:
    session.execute(update(Call).where(Call.id == call_id).values(values))


def lane(session: Session, provider: str, account: str, *, lock: bool = False) -> Lane:
    """The lane's row, made when it is first asked for."""
    row = session.get(Lane, (provider, account), with_for_update=lock)
    if row is None:
        row = Lane(
            provider=provider, account=account, reason="", failures=0, second=0, second_count=0, day=0, day_count=0
        )
        session.add(row)
        session.flush()
    return row


def lanes(session: Session) -> Sequence[Lane]:
    return session.scalars(select(Lane)).all()

"""Provider events: stored once, processed after."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from course.store.db import insert_of
from course.store.models import ProviderEvent


def add_missing(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Stores events; one that is already there stays as it is."""
    if rows:
        session.execute(insert_of(session)(ProviderEvent).on_conflict_do_nothing(), list(rows))


def take_open(session: Session, now: datetime, limit: int) -> Sequence[ProviderEvent]:
    """Events that wait to be processed, in the order in which they came, locked; others skip them."""
    query = (
        select(ProviderEvent)
        .where(ProviderEvent.processed_at.is_(None), ProviderEvent.next_try_at <= now)
        .order_by(ProviderEvent.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(query).all()

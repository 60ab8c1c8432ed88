"""What runners told about their running."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from course.core.profile import Goal, Profile
from course.core.units import Units
from course.store.db import insert_of
from course.store.models import Base
from course.store.models import Profile as Row

_TABLE = Base.metadata.tables[Row.__tablename__]
# Built once: a marking transaction asks for its 500 readers at a time.
_OF = select(_TABLE).where(_TABLE.c.subscriber_id.in_(bindparam("ids", expanding=True)))


def of(session: Session, subscriber_ids: Collection[int]) -> dict[int, Profile]:
    """The profiles of these subscribers, by their ids; who told nothing is not in it. One query."""
    if not subscriber_ids:
        return {}
    rows = session.execute(_OF, {"ids": list(subscriber_ids)})
    return {
        row.subscriber_id: Profile(
            units=Units(row.units),
            goal=Goal(row.goal) if row.goal else None,
            race_on=row.race_on,
            weekly_km=row.weekly_km,
            longest_km=row.longest_km,
            running_days=tuple(row.running_days or ()),
            body_kg=row.body_kg,
            told_on=row.updated_at.date(),
        )
        for row in rows
    }


def save(session: Session, subscriber_id: int, profile: Profile, now: datetime) -> None:
    """Keeps what was told, in the place of what was told before."""
    values = {
        "units": str(profile.units),
        "goal": profile.goal,
        "race_on": profile.race_on,
        "weekly_km": profile.weekly_km,
        "longest_km": profile.longest_km,
        "running_days": list(profile.running_days) or None,
        "body_kg": profile.body_kg,
        "updated_at": now,
    }
    adding = insert_of(session)(_TABLE).values(subscriber_id=subscriber_id, **values)
    session.execute(adding.on_conflict_do_update(index_elements=["subscriber_id"], set_=values))


def forget(session: Session, subscriber_id: int) -> None:
    session.execute(delete(_TABLE).where(_TABLE.c.subscriber_id == subscriber_id))

"""The installation and its processes."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from course.store.models.base import Base


class Installation(Base):
    """One row: who this database is, and the position of its course calendar."""

    __tablename__ = "installation"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[bytes]  # of send ids and suppression hashes; never rotates
    created_at: Mapped[datetime]
    reached_people_at: Mapped[datetime | None]  # a provider that reaches people was first used
    speed: Mapped[int]
    real_at: Mapped[datetime]
    course_at: Mapped[datetime]
    ticked_at: Mapped[datetime | None]  # the newest sign of life of any worker
    guard_at: Mapped[datetime | None]  # a restored database was noticed, and not all that it held is settled
    secret_mark: Mapped[str | None] = mapped_column(String(16))  # of the secret that signs links; None: none did yet


class Alarm(Base):
    """Something that a person has to mend; told once, and once more when it is over."""

    __tablename__ = "alarm"
    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    text: Mapped[str]
    since: Mapped[datetime] = mapped_column("since_at")
    next_try_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    cleared_at: Mapped[datetime | None]


class Heartbeat(Base):
    """A worker process and its last sign of life."""

    __tablename__ = "heartbeat"
    worker: Mapped[str] = mapped_column(String(32), primary_key=True)
    host: Mapped[str]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]

"""The coaches who run the courses, and what they did."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from course.store.models.base import Base


class Admin(Base):
    """A coach. All are equal."""

    __tablename__ = "admin"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(320))
    email_key: Mapped[str] = mapped_column(String(320), unique=True)
    name: Mapped[str]
    timezone: Mapped[str]  # "" for the course's
    password_hash: Mapped[str]  # argon2; "" until one was set
    totp_secret: Mapped[str]  # base32; "" without a second factor
    totp_counter: Mapped[int]  # of the last code that was used: each is good once
    recovery_hashes: Mapped[list[Any]]  # SHA-256 of the codes that are left
    session_key: Mapped[str] = mapped_column(String(64))  # in every session and one-time link; changing it ends them
    weekly_mail: Mapped[bool]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]


class AuditEntry(Base):
    """Who did what. The words stay when the coach is gone."""

    __tablename__ = "audit_entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    admin_id: Mapped[int | None] = mapped_column(ForeignKey("admin.id", ondelete="SET NULL"))
    who: Mapped[str]
    action: Mapped[str] = mapped_column(String(40))  # "publish lesson"
    what: Mapped[str]  # "3 Why strong runners lift: 41 readers get the new text"
    created_at: Mapped[datetime] = mapped_column(index=True)

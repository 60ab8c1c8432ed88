"""The lessons' own pictures."""

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from course.store.models import Picture


def by_digest(session: Session, digest: str) -> Picture | None:
    """With its bytes."""
    return session.get(Picture, digest, options=[undefer(Picture.data)])


def known(session: Session, digests: Collection[str]) -> set[str]:
    """Those of the digests that are there."""
    return set(session.scalars(select(Picture.digest).where(Picture.digest.in_(digests))))


def all_of(session: Session, digests: Collection[str]) -> Sequence[Picture]:
    """With their bytes, in the order of their digests."""
    query = select(Picture).where(Picture.digest.in_(digests)).order_by(Picture.digest)
    return session.scalars(query.options(undefer(Picture.data))).all()


def add(session: Session, row: Picture) -> None:
    session.add(row)
    session.flush()

"""Deliveries: promises to send, and what became of them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import CursorResult, Integer, and_, bindparam, cast, delete, func, insert, literal, or_, select, update
from sqlalchemy.orm import Session, aliased

from course.core.status import UNSETTLED, Sent
from course.store.models import Base, Course, Delivery, Enrollment, Subscriber, Suppression

WAITS = "it waits for another lesson of this reader"
COPY_AGAIN = 1000  # "send again" counts in thousands, so that it never meets a reader who starts again

_TABLE = Base.metadata.tables[Delivery.__tablename__]


def queue_service(
    session: Session, kind: str, subscriber_id: int, course_id: int, now: datetime, *, since: datetime, at_most: int,
    remembered: str = "",
) -> None:  # fmt: skip
    """Queues one more mail of this kind, unless this person got so many since then, over all courses. `remembered`: the
    key under which copies are counted that went to them before they were erased. The caller holds the subscriber's
    row."""
    given = {"of_kind": kind, "subscriber": subscriber_id, "course": course_id, "now": now, "since": since}
    session.connection().execute(_queue_service(), given | {"at_most": at_most, "remembered": remembered})


@cache
def _queue_service() -> Any:
    """Built once, as are the other statements of a sign-up: that takes SQLAlchemy longer than to run one."""
    now = bindparam("now", type_=_TABLE.c.created_at.type)
    course = bindparam("course", type_=_TABLE.c.course_id.type)
    lately = func.count().filter(_TABLE.c.created_at > bindparam("since"))
    before = select(cast(Suppression.detail, Integer)).where(Suppression.email_key == bindparam("remembered"))
    copies = func.max(_TABLE.c.copy).filter(_TABLE.c.course_id == course)
    newest = func.coalesce(copies, before.scalar_subquery(), 0)
    mine = _TABLE.c.subscriber_id == bindparam("subscriber"), _TABLE.c.kind == bindparam("of_kind")
    had = select(lately.label("lately"), newest.label("newest")).where(*mine).subquery()
    row = {
        "kind": bindparam("of_kind"),
        "subscriber_id": bindparam("subscriber"),
        "course_id": course,
        "copy": had.c.newest + 1,
        "state": literal(Sent.QUEUED),
        "not_before": now,
        "attempts": literal(0),
        "created_at": now,
    }
    return insert(_TABLE).from_select(list(row), select(*row.values()).where(had.c.lately < bindparam("at_most")))


def take_queued(
    session: Session, kind: str, now: datetime, limit: int, only: Collection[int] | None = None
) -> Sequence[Any]:
    """Queued deliveries whose time has come, or those of `only`, locked; others skip them. With what the re-check
    needs: the address, its suppression and the enrollment's status."""
    paused = select(Course.id).where(Course.id == Delivery.course_id, Course.paused_at.is_not(None)).exists()
    ready = Delivery.not_before <= now if only is None else Delivery.id.in_(only)
    query = (
        select(
            Delivery.id,
            Delivery.course_id,
            Delivery.subscriber_id,
            Delivery.enrollment_id,
            Delivery.lesson_id,
            Delivery.copy,
            Delivery.asked_at,
            Delivery.attempts,
            Delivery.created_at,
            Subscriber.email,
            Subscriber.email_key,
            Enrollment.status,
            Suppression.reason.label("suppressed"),
            Suppression.created_at.label("suppressed_at"),
        )
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .outerjoin(Enrollment, Enrollment.id == Delivery.enrollment_id)
        .outerjoin(Suppression, Suppression.email_key == Subscriber.email_key)
        .where(Delivery.state == Sent.QUEUED, Delivery.kind == kind, ready)
        .where(or_(Delivery.lesson_id.is_(None), ~paused))
        .order_by(Delivery.not_before)
        .limit(limit)
        .with_for_update(of=Delivery, skip_locked=True)
    )
    return session.execute(query).all()


def add(session: Session, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Inserts deliveries; their ids in the order of the rows."""
    if not rows:
        return []
    statement = insert(Delivery).returning(Delivery.id, sort_by_parameter_order=True)
    return list(session.scalars(statement, list(rows)))


def change(session: Session, delivery_id: int, **values: Any) -> None:
    """Changes one delivery that the caller holds."""
    session.execute(_change(*values), values | {"delivery": delivery_id})


def take_again(session: Session, ids: Collection[int], call_id: str) -> None:
    """One more attempt for queued deliveries, in this call."""
    if ids:
        values = {"state": Sent.SENDING, "call_id": call_id, "attempts": _TABLE.c.attempts + 1}
        session.execute(update(_TABLE).where(_TABLE.c.id.in_(ids)).values(values))


@cache
def _change(*names: str) -> Any:
    return update(_TABLE).where(_TABLE.c.id == bindparam("delivery")).values({name: bindparam(name) for name in names})


def set_state(session: Session, ids: Collection[int], state: Sent, *, call_id: str | None = None, **values: Any) -> int:
    """Moves deliveries on; with `call_id` only those that still belong to that call and are not settled. How many."""
    if not ids:
        return 0
    statement = update(Delivery).where(Delivery.id.in_(ids)).values(state=state, **values)
    if call_id is not None:
        statement = statement.where(Delivery.call_id == call_id, Delivery.state.in_(UNSETTLED))
    result = session.execute(statement.execution_options(synchronize_session=False))
    return result.rowcount if isinstance(result, CursorResult) else 0


def let_go(session: Session, readers: Collection[int]) -> None:
    """Queued lessons of these enrollments that wait for another one may be looked at now."""
    waiting = update(Delivery).where(Delivery.enrollment_id.in_(readers), Delivery.lesson_id.is_not(None))
    waiting = waiting.where(Delivery.state == Sent.QUEUED, Delivery.reason == WAITS)
    session.execute(waiting.values(not_before=Delivery.created_at).execution_options(synchronize_session=False))


def count_refused(session: Session, revision_id: int, attempts: int) -> int:
    """To how many readers this text was refused because of the text: not after so many attempts, for then something
    else was the matter."""
    query = select(func.count(Delivery.subscriber_id.distinct())).where(Delivery.revision_id == revision_id)
    refused = Delivery.state == Sent.REFUSED, Delivery.scope == "message", Delivery.attempts < attempts
    return session.scalars(query.where(*refused)).one()


def any_resigned(session: Session) -> bool:
    """Whether nobody could say of some mail whether it arrived."""
    query = select(Delivery.id).where(Delivery.state == Sent.UNKNOWN, Delivery.resigned_at.is_not(None))
    return session.scalar(query.limit(1)) is not None


def by_id(session: Session, delivery_id: int, *, lock: bool = False) -> Delivery | None:
    return session.get(Delivery, delivery_id, with_for_update=lock)


def needing_somebody(session: Session) -> Sequence[Delivery]:
    """Unknown deliveries and dead letters, oldest first."""
    dead = and_(Delivery.state == Sent.REFUSED, Delivery.scope == "message")
    return session.scalars(
        select(Delivery).where(or_(Delivery.state == Sent.UNKNOWN, dead)).order_by(Delivery.id)
    ).all()


def queue_copy(session: Session, row: Delivery, now: datetime) -> None:
    """One more copy of the same mail for the same person, queued."""
    columns = ("kind", "subscriber_id", "course_id", "enrollment_id", "lesson_id", "revision_id", "number", "count")
    again = {name: getattr(row, name) for name in columns}
    copy = row.copy + COPY_AGAIN
    session.add(Delivery(**again, copy=copy, state=Sent.QUEUED, not_before=now, attempts=0, created_at=now))


def is_repeat(session: Session, delivery_id: int) -> bool:
    """Whether this is one more copy of a mail that the provider had taken, in whatever copy."""
    before = aliased(Delivery)
    same = and_(before.enrollment_id == Delivery.enrollment_id, before.lesson_id == Delivery.lesson_id)
    earlier = and_(before.copy < Delivery.copy, before.copy % COPY_AGAIN == Delivery.copy % COPY_AGAIN)
    query = select(before.id).join(Delivery, and_(same, earlier)).limit(1)
    query = query.where(Delivery.id == delivery_id, before.lesson_id.is_not(None), before.state == Sent.ACCEPTED)
    return session.scalar(query) is not None


def is_aside(session: Session, delivery_id: int) -> bool:
    """Whether the calendar of its reader does not count this lesson: it is a repeat, or they have started again since
    it was promised."""
    query = select(Delivery.id).join(Enrollment, Enrollment.id == Delivery.enrollment_id)
    before = query.where(Delivery.id == delivery_id, Delivery.copy % COPY_AGAIN != Enrollment.copy)
    return is_repeat(session, delivery_id) or session.scalar(before) is not None


def open_lessons(session: Session, enrollment_id: int) -> list[tuple[int, Sent]]:
    """The lessons of this reader that are queued, on their way or unknown; but those that nobody waits for any more."""
    query = select(Delivery.lesson_id, Delivery.state).where(Delivery.enrollment_id == enrollment_id)
    query = query.where(Delivery.lesson_id.is_not(None), Delivery.state.in_((*UNSETTLED, Sent.QUEUED)))
    rows = session.execute(query.where(Delivery.resigned_at.is_(None)))
    return [(lesson, Sent(state)) for lesson, state in rows if lesson is not None]


def dropped(session: Session, enrollment_id: int, copy: int) -> list[Delivery]:
    """Lessons whose newest copy was cancelled, since the reader had left before it went, or did not arrive, since their
    address refused it. `copy` is the enrollment's: of what came before they started again, nothing is missing."""
    query = select(Delivery).where(Delivery.enrollment_id == enrollment_id, Delivery.lesson_id.is_not(None))
    query = query.where(Delivery.copy % COPY_AGAIN == copy)
    newest = {row.lesson_id: row for row in session.scalars(query.order_by(Delivery.copy))}
    return [row for row in newest.values() if row.state == Sent.CANCELLED or _refused_by_address(row)]


def _refused_by_address(row: Delivery) -> bool:
    return row.state == Sent.REFUSED and row.scope == "recipient"


def many(session: Session, ids: Collection[int]) -> dict[int, Delivery]:
    """By id."""
    return {row.id: row for row in session.scalars(select(Delivery).where(Delivery.id.in_(ids)))}


def attempts(session: Session, ids: Collection[int]) -> dict[int, int]:
    """By id."""
    query = select(Delivery.id, Delivery.attempts).where(Delivery.id.in_(ids))
    return {row.id: row.attempts for row in session.execute(query)}


def open_with_keys(session: Session) -> Sequence[tuple[Delivery, str]]:
    """What is queued, on its way or unknown, and was not given up; with the address keys, locked."""
    query = select(Delivery, Subscriber.email_key).join(Subscriber, Subscriber.id == Delivery.subscriber_id)
    waiting = query.where(Delivery.state.in_((*UNSETTLED, Sent.QUEUED)), Delivery.resigned_at.is_(None))
    return [(row[0], row[1]) for row in session.execute(waiting.with_for_update(of=Delivery))]


def remove(session: Session, ids: Collection[int]) -> None:
    """Forgets deliveries that never were more than a suspicion."""
    session.execute(delete(Delivery).where(Delivery.id.in_(ids)))


def last_went(session: Session, enrollment_id: int) -> datetime | None:
    """When the last lesson of this reader went, or may have gone."""
    went = func.max(func.coalesce(Delivery.done_at, Delivery.created_at))
    query = select(went).where(Delivery.enrollment_id == enrollment_id, Delivery.lesson_id.is_not(None))
    return session.scalar(query)


def of_subscriber(session: Session, subscriber_id: int) -> Sequence[Delivery]:
    """Everything promised to one person, newest first."""
    query = select(Delivery).where(Delivery.subscriber_id == subscriber_id).order_by(Delivery.id.desc())
    return session.scalars(query).all()


def unsettled(session: Session, enrollment_id: int, *, but: Sent | None = None) -> bool:
    """Whether a lesson of this reader is queued or on its way, or nobody knows; one that is `but` does not count."""
    query = select(Delivery.id).where(Delivery.enrollment_id == enrollment_id, Delivery.lesson_id.is_not(None))
    query = query.where(Delivery.resigned_at.is_(None))
    query = query.where(Delivery.state != but) if but else query
    return session.scalar(query.where(Delivery.state.in_((*UNSETTLED, Sent.QUEUED))).limit(1)) is not None

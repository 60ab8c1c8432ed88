"""After an outage many are due at once. A batch reads its own rows in the order of an index, not all of them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import event, insert, literal, select, text
from sqlalchemy.orm import Session

from course.store import deliveries, enrollments
from course.store.models import Delivery, Enrollment
from tests.bench import seed
from tests.factories import START, World

READERS, BATCH = 2_000, 50


@pytest.fixture
def backlog(world: World) -> World:
    """Everybody is due, and has one more lesson in the queue."""
    seed.fill(world.database, READERS, READERS)
    columns = ["kind", "subscriber_id", "course_id", "enrollment_id", "lesson_id", "copy", "state", "attempts"]
    values = ("lesson", Enrollment.subscriber_id, Enrollment.course_id, Enrollment.id, 1, 1, "queued", 1, START, START)
    with world.database.write() as session:
        row = select(*(value if hasattr(value, "key") else literal(value) for value in values))
        session.execute(insert(Delivery).from_select([*columns, "created_at", "not_before"], row))
    with world.database.write() as session:
        session.execute(text("ANALYZE"))  # as PostgreSQL does by itself within a minute
    return world


def take_due(session: Session) -> Sequence[Any]:
    return enrollments.take_due(session, START, BATCH)


def take_queued(session: Session) -> Sequence[Any]:
    return deliveries.take_queued(session, "lesson", START, BATCH)


@pytest.mark.parametrize("take", [take_due, take_queued])
def test_a_batch_of_a_backlog_reads_no_more_than_the_batch(
    backlog: World, take: Callable[[Session], Sequence[Any]]
) -> None:
    taken, plan = planned(backlog, take)
    assert len(taken) == BATCH
    if backlog.database.is_sqlite:
        assert not [row for row in plan if "TEMP B-TREE" in row[3]]
    else:
        assert max(step["Actual Rows"] for step in _steps(plan[0][0][0]["Plan"])) == BATCH


def test_where_every_course_is_paused_no_backlog_is_read(backlog: World) -> None:
    with backlog.database.write() as session:
        backlog.the_course(session).paused_at = START
    taken, plan = planned(backlog, take_due)
    assert not taken
    if not backlog.database.is_sqlite:
        assert max(step["Actual Rows"] for step in _steps(plan[0][0][0]["Plan"])) <= 1


def planned(world: World, take: Callable[[Session], Sequence[Any]]) -> tuple[Sequence[Any], Sequence[Any]]:
    """What was taken, and how the database says that it went about it."""
    with world.database.write() as session:
        engine, asked = session.connection().engine, list[tuple[str, Any]]()

        def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
            asked.append((statement, parameters))

        event.listen(engine, "before_cursor_execute", note)
        try:
            taken = take(session)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        [(statement, parameters)] = asked
        way = "EXPLAIN QUERY PLAN" if world.database.is_sqlite else "EXPLAIN (ANALYZE, FORMAT JSON)"
        return taken, session.connection().exec_driver_sql(f"{way} {statement}", parameters).all()


def _steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _steps(below)


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_no_query_is_compiled_before_it_runs(world: World) -> None:
    with world.database.read() as session:
        assert session.scalar(text("SHOW jit")) == "off"

"""Steps that tests of use cases share: days that go by, and what arrived."""

from datetime import timedelta
from email.parser import BytesHeaderParser
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import func

from course.store.models import Enrollment
from tests.factories import World

ANN = "ann@runner.test"
# For rules that no database has a part in: one engine will do.
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def pass_days(world: World, days: float) -> None:
    """Lets days go by, stopping only where a lesson is due. Sends lessons only."""
    end = world.course + timedelta(days=days)
    _send(world)
    while world.course < end:
        with world.database.read() as session:
            due = session.query(func.min(Enrollment.due_at)).where(Enrollment.due_at > world.course).scalar()
        world.go_to(due if due and due <= end else end)
        _send(world)


def _send(world: World) -> None:
    while world.sender.step("lesson"):
        pass


def lessons_to(world: World, email: str = ANN) -> list[str]:
    """Subjects of the lessons that this address got, oldest first."""
    paths = sorted(world.outbox.glob("new/*.eml"), key=lambda path: path.stat().st_mtime_ns)
    heads = (_head_of(path) for path in paths)
    return [subject for subject, to, is_lesson in heads if is_lesson and to == email]


@cache
def _head_of(path: Path) -> tuple[str, str, bool]:
    """A mail in the outbox never changes, and there are many to look through again and again."""
    mail = BytesHeaderParser().parsebytes(path.read_bytes())
    return mail["Subject"], mail["To"], "List-Unsubscribe" in mail

"""The book of what coaches did. An entry is written in the transaction that does it, so there is none without."""

from datetime import datetime

from sqlalchemy.orm import Session

from course.core.letter import one_line
from course.store import admins
from course.store.models import Admin, AuditEntry

MAX_ACTION, MAX_WHAT = 40, 500  # characters
COMMAND_LINE = "command line"


def note(session: Session, coach: Admin | None, action: str, what: str, now: datetime) -> None:
    """`action` in a few words of plain English ("publish lesson"), `what` with the names and numbers a coach would
    ask for. `coach` None: somebody at the command line."""
    admins.add_entry(
        session,
        AuditEntry(
            admin_id=coach.id if coach else None,
            who=known_as(coach) if coach else COMMAND_LINE,
            action=action[:MAX_ACTION],
            what=one_line(what)[:MAX_WHAT],
            created_at=now,
        ),
    )


def known_as(coach: Admin) -> str:
    return coach.name or coach.email

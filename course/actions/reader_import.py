"""A list of readers, brought in by a coach: looked at first, then taken in by a worker, some lines at a time.

Each step is one transaction that takes in lines and notes how far it came, so a worker that is killed goes on where it
was and does no line twice. Suppressions and erasures are looked up in that same transaction: they always win.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy.orm import Session

from course.actions import readers_file
from course.actions.readers_file import CHUNK, Checked, Line, Result
from course.core.clock import Now
from course.core.errors import BadFile, CourseError, Fault
from course.core.readers_csv import Row, Table
from course.store import reader_imports
from course.store.models import Course, ReaderImport

MOST = 50_000  # lines of one list
KEPT = 5_000  # lines of the report that are not "enrolled"
UNSTARTED_LIVES = timedelta(days=1)
FILE = "your list"


def check(
    session: Session, course: Course, text: str, *, places: Mapping[str, int] | None, author: str, now: datetime
) -> ReaderImport:
    """Looks at a list and says what would become of each line; changes nothing, and keeps nobody waiting. `places`: in
    which column what stands; None: as the headings say. For `keep`. Raises BadFile."""
    table = Table(text, FILE)
    found = dict(places or table.guess)
    if "email" not in found:
        raise BadFile([Fault(FILE, 1, "no column holds email addresses", "Name it “email” in the first line")])
    rows = _rows(table, found)
    ask, agreed = _look(session, course, rows)
    return ReaderImport(
        course_id=course.id,
        source=text,
        options={"places": found, "columns": table.columns, "heading": table.has_header},
        state="checked",
        lines=len(rows),
        done=0,
        report={"ask": _report(ask), "agreed": _report(agreed)},
        author=author,
        created_at=now,
    )


def keep(session: Session, row: ReaderImport) -> ReaderImport:
    """Stores a list that was looked at, until somebody starts it; those that nobody started are forgotten."""
    reader_imports.drop_unstarted(session, row.created_at - UNSTARTED_LIVES)
    return reader_imports.add(session, row)


def _rows(table: Table, places: Mapping[str, int]) -> list[Row]:
    rows = list(islice(table.rows(places), MOST + 1))
    if len(rows) > MOST:
        fault = Fault(FILE, rows[-1].number, f"more than {MOST:,} lines", "Split it, and bring in one part at a time")
        raise BadFile([fault])
    return rows


def _look(session: Session, course: Course, rows: Sequence[Row]) -> tuple[list[Line], list[Line]]:
    """With asking each and without. Somebody who stands in the list twice is new once."""
    found: tuple[list[Line], list[Line]] = ([], [])
    for start in range(0, len(rows), CHUNK):
        ask, agreed = readers_file.look(session, course, rows[start : start + CHUNK])
        found[0].extend(ask)
        found[1].extend(agreed)
    again, seen = set[int](), set[str]()
    for row in rows:
        if (key := row.email.lower()) in seen:
            again.add(row.number)
        seen.add(key)
    return tuple([_again(line) if line.number in again else line for line in lines] for lines in found)  # type: ignore[return-value]


def _again(line: Line) -> Line:
    return line._replace(result=Result.KNOWN, detail="twice in this list") if line.result is Result.ADDED else line


def _report(lines: Iterable[Line], before: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Counts by result, and each line that is not new."""
    counts: Counter[str] = Counter((before or {}).get("counts", {}))
    others = list((before or {}).get("lines", []))
    for line in lines:
        counts[line.result] += 1
        if line.result is not Result.ADDED and len(others) < KEPT:
            others.append(list(line))
    return {"counts": dict(counts), "lines": others}


def start(row: ReaderImport, *, ask: bool, note: str) -> None:
    """Hands a list that was looked at to the workers. `note`: where and when these people agreed, kept as proof; with
    `ask` each of them is asked, and it only says where the list is from. The caller holds the row."""
    if row.state != "checked":
        raise CourseError("This list was started already.")
    if not ask and not note.strip():
        raise CourseError("Write down where and when these people agreed: it is kept as proof.")
    row.options = {**row.options, "ask": ask, "note": note.strip()[:500]}
    row.state, row.report = "running", {"counts": {}, "lines": []}


def stop(row: ReaderImport, who: str, now: datetime) -> None:
    """Lines that are not done stay out. The caller holds the row."""
    if row.state == "running":
        row.state, row.finished_at, row.source = "failed", now, ""
        row.report = {**row.report, "problem": f"{who} stopped it."}


@dataclass(frozen=True, slots=True)
class Lines:
    """The next lines of a list, checked before the transaction that takes them in: others wait for that one."""

    of: int
    first: int
    count: int
    rows: Checked


def next_lines(session: Session) -> Lines | None:
    """What is to be done next; changes nothing. None: there is no list that runs."""
    row = reader_imports.running(session)
    if row is None:
        return None
    rows = list(islice(Table(row.source, FILE).rows(row.options["places"]), row.done, row.done + CHUNK))
    return Lines(row.id, row.done, len(rows), readers_file.checked(rows))


def step(session: Session, lines: Lines, now: Now) -> None:
    """Takes these lines in, if no other worker did."""
    row = reader_imports.by_id(session, lines.of, lock=True)
    if row is None or row.state != "running" or row.done != lines.first:
        return
    course = session.get_one(Course, row.course_id)
    ask, note = row.options["ask"], row.options["note"]
    found = readers_file.import_checked(session, course, lines.rows, note, now, ask=ask)
    row.report, row.done = _report(found, row.report), row.done + lines.count
    if row.done >= row.lines:
        row.state, row.finished_at, row.source = "done", now.machine, ""

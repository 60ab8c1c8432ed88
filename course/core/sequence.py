"""What comes next for a reader: the timetable as append-only facts.

A Term says one thing of one lesson (rank, gap, revision, archived) or of the course (hour, weekdays). For a reader, the
newest Term whose `since` is not after the enrollment wins. So "new readers only", undo and an exact preview are
choices of facts, not code.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple


class Term(NamedTuple):
    """`since` None holds for everybody; `lesson` None speaks of the course. Later in a list is newer."""

    lesson: int | None
    name: str  # rank | gap | revision | archived | hour | weekdays
    value: Any
    since: datetime | None


class Step(NamedTuple):
    lesson: int
    gap: int  # days after the lesson before
    revision: int


@dataclass(frozen=True, slots=True)
class Timetable:
    """The course as it is for the readers of one era."""

    steps: tuple[Step, ...]
    hour: str  # "07:00"
    weekdays: tuple[int, ...]  # 0 is Monday

    def next_step(self, had: Collection[int], excluded: Collection[int] = ()) -> Step | None:
        """The first lesson that the reader neither had nor is to skip; None at the end of the course."""
        return next((s for s in self.steps if s.lesson not in had and s.lesson not in excluded), None)

    def number(self, lesson: int) -> int:
        """The place of a lesson, from 1; one past the end for a lesson that is no longer in the course."""
        return next((n for n, s in enumerate(self.steps, 1) if s.lesson == lesson), len(self.steps) + 1)


class Terms:
    """All Terms of a course, oldest first; gives each reader the timetable of their era."""

    def __init__(self, terms: Sequence[Term]) -> None:
        self.all = terms
        self._timetables: dict[int, Timetable] = {}

    def at(self, enrolled_at: datetime) -> Timetable:
        return self.of_era(bisect_right(self.starts, enrolled_at))

    def of_era(self, era: int) -> Timetable:
        """For readers who enrolled after so many of the `starts`."""
        if era not in self._timetables:
            newest = self.starts[era - 1] if era else None
            self._timetables[era] = timetable(t for t in self.all if _holds(t, newest))
        return self._timetables[era]

    @cached_property
    def starts(self) -> list[datetime]:
        """The instants from which something is otherwise, for who enrolls from then on."""
        return sorted({t.since for t in self.all if t.since is not None})


def _holds(term: Term, newest: datetime | None) -> bool:
    return term.since is None or (newest is not None and term.since <= newest)


def timetable(terms: Iterable[Term]) -> Timetable:
    """Reads Terms (oldest first, all of one era) into a timetable."""
    facts: dict[int | None, dict[str, Any]] = {}
    for term in terms:
        facts.setdefault(term.lesson, {})[term.name] = term.value
    of_course = facts.pop(None, {})
    live = sorted(
        (f["rank"], lesson, f)
        for lesson, f in facts.items()
        # Of a lesson that came for new readers only, the others have a rank or a gap at most.
        if lesson and "revision" in f and not f.get("archived")
    )
    steps = tuple(Step(lesson, f["gap"], f["revision"]) for _, lesson, f in live)
    return Timetable(steps, of_course["hour"], tuple(of_course["weekdays"]))

"""The course calendar: what day it is for the course.

There are two clocks, both read at the doors (web request, worker step, command line).

*Course time* is what a reader lives by: when a lesson is due, when the last one went, until when the mail is paused.
In a demonstration or a simulation it may run fast, say a day in a second.
*Machine time* is what the outside world lives by: leases, backoff, caps, links that end. It never runs fast; a lease
of ten minutes would last 7 ms at 86,400 times the speed.

A Calendar is a straight line from the one to the other. Speed 1 from two equal instants is the ordinary calendar, on
which both clocks agree.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from course.core.schedule import utc


@dataclass(frozen=True, slots=True)
class Calendar:
    """At machine time `real_at` it was `course_at`, and since then `speed` seconds pass in each. Both in UTC."""

    speed: int  # course seconds in a machine second, 1 or more
    real_at: datetime
    course_at: datetime

    def __post_init__(self) -> None:
        if self.speed < 1:
            raise ValueError(f"the course calendar runs at 1 or more times the speed, not {self.speed}")
        object.__setattr__(self, "real_at", utc(self.real_at))
        object.__setattr__(self, "course_at", utc(self.course_at))

    def now(self, real_now: datetime) -> datetime:
        """Course time at this machine time. While a machine clock stands before `real_at`, it waits.

        Past the year 9999 it is an OverflowError: at a day in a second, that comes after 33 days of machine time.
        """
        return self.course_at + max(utc(real_now) - self.real_at, timedelta(0)) * self.speed

    def moved_to(self, real_now: datetime) -> Self:
        """The same line, noted at `real_now`; a machine clock that was set back moves nothing."""
        return replace(self, real_at=max(utc(real_now), self.real_at), course_at=self.now(real_now))

    def resumed(self, real_now: datetime) -> Self:
        """Course time stood still since `real_at` and goes on from `real_now`: no process ran in between."""
        return replace(self, real_at=real_now)

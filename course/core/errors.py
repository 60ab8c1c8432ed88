"""Errors that a person can act on: what was wrong, where, and what to do.

CourseError          shown as it is by the CLI and the web
├── BadAddress       this address cannot get mail
├── BadFile          lesson or course files with faults, listed
└── BadSettings      the environment is not usable
"""

from collections.abc import Sequence
from dataclasses import dataclass


class CourseError(Exception):
    """Its text is for people."""


class BadAddress(CourseError):
    """The address cannot be used; the text says why."""


class BadSettings(CourseError):
    """One line for each setting that is wrong: name, value, what is allowed."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a file. `line` counts from 1; 0 speaks of the file as a whole."""

    file: str
    line: int
    problem: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.problem}. {self.remedy}"


class BadFile(CourseError):
    """Files that cannot be used as they are."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = list(faults)

"""The two times that a step is given; see core/calendar.py."""

from datetime import datetime
from typing import NamedTuple


class Now(NamedTuple):
    machine: datetime
    course: datetime

"""Waiting for something to become true, without sleeping for longer than it takes."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], seconds: float = 10.0, every: float = 0.05) -> T:
    """What the condition returns once that is true. AssertionError if it takes longer than `seconds`."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s it is still {found!r}: {_name(condition)}")
        time.sleep(every)
    return found


def _name(condition: Callable[[], T]) -> str:
    code = condition.__code__
    return f"{code.co_filename.rpartition('/')[2]}:{code.co_firstlineno}"

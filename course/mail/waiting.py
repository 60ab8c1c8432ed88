"""How long an answer asks us to wait: seconds, an HTTP date or an epoch, whatever the header is called.

There is no clock here. A point in time is read against the answer's own Date, so neither side's clock has to be right.
"""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

HEADERS = ("Retry-After", "RateLimit-Reset", "X-RateLimit-Reset")  # the first that can be read counts
LONGEST = 3600.0  # seconds: no answer may stop us for longer

_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_FIRST_EPOCH = 1e9  # as seconds that would be 31 years, as a point in time it is 2001


def wait_asked_for(headers: Mapping[str, str]) -> float | None:
    """Seconds from 0 to an hour; None if no header can be read or what it names is past (RFC 9110, 10.2.3)."""
    now = _timestamp(headers.get("Date", ""))
    waits = (_wait(headers.get(name, "").strip(), now) for name in HEADERS)
    return next((min(wait, LONGEST) for wait in waits if wait is not None), None)


def _wait(value: str, now: float | None) -> float | None:
    number = float(value) if _NUMBER.fullmatch(value) else None
    if number is not None and number < _FIRST_EPOCH:
        return number
    at = _timestamp(value) if number is None else number
    if at is None or now is None or at < now:
        return None
    return at - now


def _timestamp(value: str) -> float | None:
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()

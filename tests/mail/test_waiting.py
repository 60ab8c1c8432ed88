from email.utils import formatdate

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from course.mail.waiting import wait_asked_for

NOW = 1_800_000_000
DATE = {"Date": formatdate(NOW, usegmt=True)}


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("3600", 3600.0),
        ("3601", 3600.0),
        ("999999999", 3600.0),
        (str(NOW), 0.0),
        (str(NOW + 20), 20.0),
        (f"{NOW + 20}.5", 20.5),
        (str(NOW + 10**6), 3600.0),
        (str(NOW - 1), None),
        (f"{NOW + 5}000", 3600.0),  # milliseconds: too long, but not for ever
        (formatdate(NOW + 20, usegmt=True), 20.0),
        (formatdate(NOW + 20, localtime=True), 20.0),
        ("Friday, 15-Jan-27 08:00:30 GMT", 30.0),
        ("Fri Jan 15 08:00:30 2027", 30.0),
        (formatdate(NOW - 1, usegmt=True), None),
        (formatdate(NOW + 10**9, usegmt=True), 3600.0),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1e3", None),
        ("1_000", None),
        ("0x10", None),
        ("nan", None),
        ("inf", None),
        ("٣", None),
        ("9" * 400, None),
        ("5, 5", None),
        ("soon", None),
        ("Fri, 32 Jan 2027 99:99:99 GMT", None),
    ],
)
def test_forms(value: str, wait: float | None) -> None:
    assert wait_asked_for(DATE | {"Retry-After": value}) == wait


@pytest.mark.parametrize("value", [str(NOW + 20), formatdate(NOW + 20, usegmt=True)])
def test_a_point_in_time_says_nothing_without_the_answers_own_date(value: str) -> None:
    assert wait_asked_for({"Retry-After": value}) is None
    assert wait_asked_for({"Retry-After": value, "Date": "yesterday"}) is None


def test_seconds_need_no_date() -> None:
    assert wait_asked_for({"Retry-After": "5"}) == 5.0


def test_the_first_that_can_be_read_counts() -> None:
    headers = {"Retry-After": "?", "RateLimit-Reset": "4", "X-RateLimit-Reset": "9"}
    assert wait_asked_for(headers) == 4.0
    assert wait_asked_for(headers | {"Retry-After": "5"}) == 5.0
    assert wait_asked_for({}) is None


@given(st.text() | st.from_regex(r"[0-9.]{1,30}"), st.text() | st.just(DATE["Date"]))
@example("Mon, 01 Jan 99999 00:00:00 GMT", DATE["Date"])
@example("Mon, 01 Jan 0001 00:00:00 +2359", DATE["Date"])
def test_nothing_raises_or_stops_us_for_long(value: str, date: str) -> None:
    wait = wait_asked_for({"Retry-After": value, "Date": date})
    assert wait is None or 0 <= wait <= 3600

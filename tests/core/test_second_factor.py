"""Codes from a phone, and on paper."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course.core import second_factor

# RFC 6238, appendix B: the secret of its SHA-1 examples, and their last six digits.
SECRET = second_factor.new_secret(b"12345678901234567890")
EXAMPLES = {59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 20000000000: "353130"}


@pytest.mark.parametrize(("at", "code"), EXAMPLES.items())
def test_the_codes_are_those_of_the_standard(at: int, code: str) -> None:
    assert second_factor.counter_of(SECRET, code, datetime.fromtimestamp(at, UTC), 0) == at // 30


@given(st.integers(0, 2**33), st.integers(-3, 3), st.integers(-3, 3))
def test_a_code_is_good_for_a_step_around_its_own_and_never_again(at: int, late: int, used: int) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=at % 10**9)
    step = int(moment.timestamp()) // 30
    code = second_factor.pyotp.TOTP(SECRET).generate_otp(step)
    found = second_factor.counter_of(SECRET, code, moment + timedelta(seconds=30 * late), step + used)
    assert found == (step if abs(late) <= 1 and used < 0 else None)


def test_what_the_qr_code_says_is_what_apps_read() -> None:
    parts = urlsplit(second_factor.uri(SECRET, "kim@clinic.test"))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parts.path == "/Email%20course:kim%40clinic.test"
    assert parse_qs(parts.query) == {"secret": [SECRET], "issuer": ["Email course"]}


@pytest.mark.parametrize("text", ["", "A" * 31, "a" * 32, "A" * 32 + "\n", "0" * 32, "Ä" * 32])
def test_what_is_no_secret(text: str) -> None:
    assert not second_factor.is_secret(text)
    assert second_factor.is_secret(SECRET)


def test_recovery_codes_are_ten_and_each_is_good_once() -> None:
    codes = second_factor.recovery_codes(bytes(range(70)))
    assert len(set(codes)) == 10
    hashes = [second_factor.kept(code) for code in codes]
    left = second_factor.without(hashes, f"  {codes[4].upper().replace('-', ' ')} ")
    assert left == hashes[:4] + hashes[5:]
    assert second_factor.without(left, codes[4]) is None
    assert second_factor.without(left, "") is None

"""The requests of a call, kept so that a replay is the same to the byte."""

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course.core import bundle


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=50), max_size=6))
def test_what_was_packed_comes_back_to_the_byte(parts: list[bytes]) -> None:
    assert bundle.unpack(bundle.pack(parts)) == parts


def test_empty_parts_are_parts() -> None:
    assert bundle.unpack(bundle.pack([])) == []
    assert bundle.unpack(bundle.pack([b"", b""])) == [b"", b""]


def test_the_same_requests_give_the_same_bytes() -> None:
    assert bundle.pack([b"a", b"b"]) == bundle.pack((b"a", b"b"))
    assert bundle.pack([b"ab"]) != bundle.pack([b"a", b"b"])


def test_a_hundred_mails_of_one_lesson_take_a_tenth_of_their_size() -> None:
    mail = b" ".join(b"word%d" % (n * n % 997) for n in range(1500))
    parts = [b"To: runner%d@x.test\r\n" % n + mail for n in range(100)]
    assert len(bundle.pack(parts)) < sum(map(len, parts)) / 10
    assert bundle.unpack(bundle.pack(parts)) == parts


def test_half_a_bundle_is_an_error_and_not_fewer_requests() -> None:
    packed = bundle.pack([b"one", b"two" * 100])
    with pytest.raises(zlib.error):
        bundle.unpack(packed[:-3])


def test_the_form_is_a_length_before_each_part_and_deflate_around_all() -> None:
    """Golden: databases hold calls of the release before."""
    stored = zlib.compress(struct.pack(">I", 3) + b"one" + struct.pack(">I", 0))
    assert bundle.unpack(stored) == [b"one", b""]

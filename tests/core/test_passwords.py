"""Passwords that will do, and how they are kept."""

import pytest

from course.core import passwords

SALT = b"s" * passwords.SALT


@pytest.mark.parametrize(
    "password",
    [
        "", "elevenchars", "password1234", "PassWordPassWord", "aaaaaaaaaaaaaaaa", "ababababababab", "x" * 201,
        "kim@clinic.test", "Kim Baker 1234", "kim.baker12345", "physiotherapist",
    ],
)  # fmt: skip
def test_what_would_be_guessed_is_refused_with_what_to_do(password: str) -> None:
    assert passwords.fault(password, "kim@clinic.test", "Kim Baker", "kim.baker@clinic.test").startswith(
        ("Use", "This")
    )


@pytest.mark.parametrize("password", ["a mile in good shoes", "twelve chars", "Pässwörter auf Deutsch", "x1y2z3" * 30])
def test_anything_else_of_twelve_characters_will_do(password: str) -> None:
    assert passwords.fault(password, "kim@clinic.test", "Kim") == ""
    kept = passwords.hashed(password, SALT)
    assert passwords.matches(kept, password)
    assert not passwords.matches(kept, password + "x")
    assert not passwords.is_outdated(kept)


def test_the_same_password_is_kept_differently_for_another() -> None:
    assert passwords.hashed("a mile in good shoes", SALT) != passwords.hashed("a mile in good shoes", b"t" * 16)


@pytest.mark.parametrize("kept", ["", "nonsense", "$argon2id$v=19$m=19456,t=2,p=1$broken"])
def test_nobody_gets_in_where_there_is_no_hash(kept: str) -> None:
    assert not passwords.matches(kept, "")
    assert not passwords.matches(kept, "nobody knows this one")


def test_who_does_not_exist_costs_as_much_as_who_does() -> None:
    """The hash of nobody has today's parameters, and is a real one."""
    assert not passwords.is_outdated(passwords._NOBODY)
    assert passwords._HASHER.verify(passwords._NOBODY, "nobody knows this one")

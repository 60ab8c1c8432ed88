"""Passwords: argon2id, with the parameters that OWASP gives for a server that has other things to do.

19 MB for each try, not the library's 64: a flood of sign-ins must not take the memory that lessons are sent with.
"""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 200  # characters
SALT = 16  # bytes
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Of a password that nobody has: whoever does not exist is answered as slowly as who does.
_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$A0sJKhG620QOCrFH/GIOl93mXhg+wJ9UT7DQKWEyEeI"
# The most common ones of twelve characters and more, in every list that was ever lost.
_LISTED = """
123456789012 1234567890123 12345678901234 123456789123 1234567891234 123123123123 111111111111 000000000000
112233445566 121212121212 123412341234 098765432109 987654321098 qwertyuiop123 qwertyuiop12 qwertyuiop[]
qwerty123456 1qaz2wsx3edc 1q2w3e4r5t6y 1q2w3e4r5t6y7u q1w2e3r4t5y6 qazwsxedcrfv zaq12wsxcde3 asdfghjkl123
asdfghjklzxc abcdefghijkl abcdefghijklm abc123abc123 password1234 password12345 password123456 passwordpassword
password123! passw0rd1234 p@ssw0rd1234 iloveyou1234 iloveyouforever letmein123456 welcome12345 welcome123456
administrator administrator1 administrator123 admin1234567 changeme1234 correcthorsebatterystaple unitedstates
basketball123 manchesterunited liverpoolfc1 christopher1 jesuschrist1 sunshine1234 princess1234 football1234
monkey123456 superman1234 computer1234 physiotherapy physiotherapist marathon1234 running12345 runningcoach
"""
_COMMON = frozenset(_LISTED.split())


def fault(password: str, *own: str) -> str:
    """Why it will not do, in words for a person; "" if it will. `own`: their name and address."""
    if len(password) < SHORTEST:
        return f"Use at least {SHORTEST} characters. Four or five unrelated words are easy to remember."
    if len(password) > LONGEST:
        return f"Use at most {LONGEST} characters."
    plain = password.casefold()
    if plain in _COMMON or len(set(plain)) < 4:
        return "This is one of the first that anybody would try. Take four or five unrelated words."
    pieces = {piece for text in own for piece in (text.casefold(), text.casefold().partition("@")[0])}
    if any(len(piece) > 3 and plain.replace(piece, "", 1).strip("0123456789!.-_ @") == "" for piece in pieces):
        return "This is your own name or address. Take four or five unrelated words."
    return ""


def hashed(password: str, salt: bytes) -> str:
    """As it is kept. `salt`: SALT random bytes."""
    return _HASHER.hash(password, salt=salt)


def matches(kept: str, password: str) -> bool:
    """Whether this is the password; `kept` "" (nobody, or none was set) is a no that takes as long."""
    try:
        return _HASHER.verify(kept or _NOBODY, password[: LONGEST + 1]) and bool(kept)
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """It was made with other parameters than today's, so it is made anew at the next chance."""
    return _HASHER.check_needs_rehash(kept)

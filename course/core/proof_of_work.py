"""A small sum that a browser does before a form is taken: seconds for a phone, hours for who wants to send thousands.

ALTCHA's: find a counter for which PBKDF2 of text and counter begins with a zero byte, some 256 tries. Its worker does
it in the browser; to look whether it was done is one try.
"""

import hashlib
import re
import struct

COST = 1000  # rounds of one try
_SALT = b"sign up"
_COUNTER = re.compile(r"\d{1,9}", re.ASCII)


def asked_for(text: str, cost: int = COST) -> dict[str, str | int]:
    """What ALTCHA's worker takes as `challenge.parameters`."""
    return {
        "algorithm": "PBKDF2/SHA-256",
        "nonce": text.encode().hex(),
        "salt": _SALT.hex(),
        "cost": cost,
        "keyLength": 32,
        "keyPrefix": "00",
    }


def is_done(text: str, counter: str, cost: int = COST) -> bool:
    """Whether this counter, as digits, is an answer to what was asked for with this text."""
    if not _COUNTER.fullmatch(counter):
        return False
    password = text.encode() + struct.pack(">I", int(counter))
    return hashlib.pbkdf2_hmac("sha256", password, _SALT, cost)[0] == 0

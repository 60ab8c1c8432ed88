"""The second factor: six digits that an app on the phone shows (TOTP, RFC 6238), and codes on paper for the day that
the phone is lost."""

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime

import pyotp

ISSUER = "Email course"
SECRET_BYTES = 20  # 160 bits, as the RFC asks
CODES = 10
CODE_BYTES = 7  # 56 bits; ten letters carry 50 of them
_SECRET = re.compile(r"[A-Z2-7]{32}")
_STEP = 30  # seconds
_DRIFT = 1  # steps that a phone's clock may be off, each way


def new_secret(chance: bytes) -> str:
    """Of SECRET_BYTES random bytes."""
    return base64.b32encode(chance).decode()


def is_secret(text: str) -> bool:
    return _SECRET.fullmatch(text) is not None


def uri(secret: str, email: str) -> str:
    """What the QR code says: otpauth://totp/…"""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def counter_of(secret: str, typed: str, at: datetime, last: int) -> int | None:
    """The counter of a code that is good now and newer than the `last` one that was used; None: it is not good."""
    code, now = "".join(typed.split()), int(at.timestamp()) // _STEP
    found = None
    for counter in range(now - _DRIFT, now + _DRIFT + 1):  # all of them, so that the time taken tells nothing
        right = hmac.compare_digest(pyotp.TOTP(secret).generate_otp(counter).encode(), code.encode())
        found = counter if right and counter > last else found
    return found


def recovery_codes(chance: bytes) -> list[str]:
    """Ten codes like "k3mfq-x2h7p", of CODES * CODE_BYTES random bytes."""
    pieces = [chance[i * CODE_BYTES : (i + 1) * CODE_BYTES] for i in range(CODES)]
    letters = [base64.b32encode(piece).decode().lower()[:10] for piece in pieces]
    return [f"{one[:5]}-{one[5:]}" for one in letters]


def kept(code: str) -> str:
    """How a recovery code is stored; blanks, dashes and capitals do not matter. A plain hash will do: nobody guesses
    50 random bits."""
    letters = "".join(c for c in code.casefold() if c.isalnum())
    return hashlib.sha256(letters.encode()).hexdigest()


def without(hashes: Sequence[str], typed: str) -> list[str] | None:
    """The codes that are left after this one was used; None: it is none of them."""
    wanted = kept(typed)
    left = [one for one in hashes if not hmac.compare_digest(one, wanted)]
    return left if len(left) < len(hashes) else None

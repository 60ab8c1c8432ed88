"""Links that prove themselves, and ids that a promise always has.

Link tokens are signed by itsdangerous under a key made of the secret and the purpose, so a token for one purpose is
worth nothing for another. Secrets rotate: the first signs, all are believed. Send ids are made with the
installation's own key, which lives in the database and never rotates, so that a look-up, a provider's event and a
restored database all compute the same id for the same promise.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from itsdangerous import BadSignature, Signer

# Numbers and 32 bytes of base64, the last character with no bits to spare: of each token there is one spelling.
_TOKEN = re.compile(r"\d+(?:-\d+)*\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII)


class Purpose(StrEnum):
    CONFIRM = "confirm"  # subscriber, course, expiry
    LEAVE = "leave"  # enrollment, links
    READER = "reader"  # enrollment, links: the reader's own page
    READ = "read"  # delivery: one lesson in the browser, nothing else
    ACCESS = "access"  # enrollment, links, expiry: what only the reader may see: numbers, name, address, data
    ADDRESS = "address"  # enrollment, links, expiry, number of the new address
    TICKET = "ticket"  # epoch seconds, random number: a sign-up form that was handed out
    FIRST_COACH = "first coach"  # expiry: to become the first coach
    INVITE = "invite"  # coach, session key, expiry: to set name and password
    RESET = "reset"  # likewise: to set another password
    RENEW = "renew"  # likewise, and the second factor is taken off


class Tokens:
    """Makes and reads the tokens of links. `secrets`: the first signs, the others are still believed."""

    def __init__(self, secrets: Sequence[str]) -> None:
        oldest_first = [secret.encode() for secret in reversed(secrets)]
        self._signers = {purpose: _signer(purpose, oldest_first) for purpose in Purpose}

    def make(self, purpose: Purpose, *numbers: int) -> str:
        """A token that carries these numbers: URL-safe ASCII."""
        return self._signers[purpose].sign("-".join(map(str, numbers))).decode()

    def read(self, purpose: Purpose, token: str, count: int) -> tuple[int, ...] | None:
        """The numbers of a genuine token, or None: forged, cut, of another purpose; it is not told which."""
        if not _TOKEN.fullmatch(token):
            return None
        try:
            numbers = self._signers[purpose].unsign(token).decode().split("-")
        except BadSignature:
            return None
        return tuple(map(int, numbers)) if len(numbers) == count else None


def mark(secret: str) -> str:
    """By which one secret is told from another, and nothing is told of it: 16 hex digits."""
    return hmac.digest(secret.encode(), b"course.mark", "sha256").hex()[:16]


def _signer(purpose: Purpose, secrets: Sequence[bytes]) -> Signer:
    """The purpose goes into the keys here, once; the library would derive them anew for each token."""
    keys = [hmac.digest(secret, f"course.{purpose}".encode(), "sha256") for secret in secrets]
    return Signer(keys, salt=purpose, key_derivation="none", digest_method=hashlib.sha256)


def send_id(key: bytes, *promise: str | int) -> str:
    """The id of a promise (who, what, which copy): 32 hex digits, the same for ever."""
    return hmac.digest(key, "\x1f".join(map(str, promise)).encode(), "sha256")[:16].hex()


def erased(key: bytes, email_key: str) -> str:
    """What is remembered of an address that was erased: it can be recognised by this installation, and not read."""
    return "erased:" + hmac.digest(key, f"erased\x1f{email_key}".encode(), "sha256").hex()


def epoch(at: datetime) -> int:
    """Whole seconds since 1970, as tokens carry them."""
    return int(at.timestamp())

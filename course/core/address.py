"""One rule for who an address is: NFC, lower case, the domain as an A-label (IDNA 2008)."""

import unicodedata

import idna
from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from course.core.errors import BadAddress

MAX_LENGTH = 254  # RFC 5321: a path is 256 octets with its angle brackets


def checked(typed: str) -> str:
    """The address as we keep it: what was typed, without blanks around it, NFC. Raises BadAddress.

    The form is checked, not whether the mailbox is there: the confirmation mail finds that out.
    """
    found = _validated(unicodedata.normalize("NFC", typed.strip()))
    if not found.local_part.isascii():
        # Most providers cannot send to these, and transliterating would be another person.
        raise BadAddress("Letters such as é or ü before the @ do not work with most mail services yet")
    if len(key(found.normalized)) > MAX_LENGTH:
        raise BadAddress(f"An address has at most {MAX_LENGTH} characters")
    return found.normalized


def key(address: str) -> str:
    """Who it is: two addresses with the same key are one person. Takes what `checked` returned."""
    return deliverable(address).lower()


def deliverable(address: str) -> str:
    """The address as a provider gets it: ASCII, the case before the @ as typed."""
    local, _, domain = address.rpartition("@")
    return address if domain.isascii() else f"{local}@{idna.encode(domain, uts46=True).decode()}"


def _validated(typed: str) -> ValidatedEmail:
    try:
        return validate_email(typed, check_deliverability=False, test_environment=True, strict=True)
    except EmailNotValidError as error:
        raise BadAddress(str(error).rstrip(".")) from None

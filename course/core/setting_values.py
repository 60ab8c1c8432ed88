"""What the value of a setting may be. Each function gives the value as it is used, or raises ValueError with what is
allowed."""

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from course.core import address
from course.core.errors import BadAddress

SIGNS = "whsec_"  # what a webhook's signing secret begins with
_IN_A_PATH = re.compile(r"[A-Za-z0-9_-]+")


def http_url(value: str) -> str:
    """The address of a site, without a trailing slash."""
    allowed = "allowed is an address like https://course.example"
    parts = _split(value.strip(), allowed)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError(allowed)
    return value.strip().rstrip("/")


def _split(value: str, allowed: str) -> SplitResult:
    """The parts of a URL that can be read, its port too."""
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 (reading it is what fails)
    except ValueError:
        raise ValueError(allowed) from None
    return parts


def mailbox(value: str) -> str:
    """An email address, or nothing."""
    try:
        return value and address.checked(value)
    except BadAddress as error:
        raise ValueError(f"allowed is an email address: {error}") from None


def database_url(value: str) -> str:
    """A URL that the store knows, or nothing."""
    allowed = "allowed are sqlite:////path/to/file and postgresql+psycopg://user@host/name"
    _split(value, allowed)
    if value and not value.startswith(("sqlite:///", "postgresql+psycopg://", "postgresql://")):
        raise ValueError(allowed)
    return value


def provider_url(value: str) -> str:
    """Where a provider is, or nothing; its registry looks closer."""
    allowed = "allowed are smtp://user:pass@host:port for smtp, and https://host for the others"
    if value and not _split(value, allowed).hostname:
        raise ValueError(allowed)
    return value


def alert_url(value: str) -> str:
    """Where alarms go, or nowhere."""
    allowed = "allowed are https://… (pinged) and smtp://user:pass@host:port/you@example.org"
    if not value:
        return value
    parts = _split(value, allowed)
    is_mail = parts.scheme in {"smtp", "smtps"}
    if not parts.hostname or not (is_mail or parts.scheme in {"https", "http"}) or (is_mail and "@" not in parts.path):
        raise ValueError(allowed)
    return value


def hook_problems(words: Sequence[str], *, signed: bool) -> Iterator[str]:
    """What is wrong with COURSE_HOOK_SECRET; never the words themselves. `signed`: the provider signs its events."""
    if any(not _IN_A_PATH.fullmatch(word) for word in words if not word.startswith(SIGNS)):
        yield "COURSE_HOOK_SECRET has a word that cannot stand in an address: allowed are letters, digits, - and _"
    if signed and words and not any(word.startswith(SIGNS) for word in words):
        yield f"COURSE_HOOK_SECRET lacks the webhook's own {SIGNS}…, by which the provider signs its events"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine. No name is looked up."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""What the value of a setting may be. Each function gives the value as it is used, or raises ValueError with what is
allowed."""

import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from course.core import address
from course.core.errors import BadAddress

SIGNS = "whsec_"  # what a webhook's signing secret begins with
ALIKE = 0.75  # of 1: SECRET is meant to be SECRET_KEY, and RATE_PER_DY to be RATE_PER_DAY
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


def misspelt(names: Iterable[str], prefix: str, settings: Iterable[str]) -> Iterator[str]:
    """What is wrong with names that look like settings and are none. Those that look like no setting in particular may
    be another program's."""
    ours = [name.removeprefix(prefix) for name in settings]
    for name in sorted(name for name in names if name.upper().startswith(prefix)):
        said = name.upper().removeprefix(prefix)
        if said not in ours and (close := get_close_matches(said, ours, 1, ALIKE)):
            yield f"{name} is no setting: {prefix}{close[0]} is meant, or another name"


def unmasked(value: Any) -> str:
    """URLs may carry a password: it is not shown."""
    return _PASSWORD.sub(r"\1***@", "" if value is None else str(value))


# What stands between the user and the host, and is no port; also where a / in it makes the URL unreadable.
_PASSWORD = re.compile(r"(://[^:@/]*:)(?!\d*(?:[/?#]|$))(?:[^/?#]*@|.*@)", re.DOTALL)

"""What the value of a setting may be. Each function gives the value as it is used, or raises ValueError with what is
allowed."""

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from course.core import address
from course.core.errors import BadAddress


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
    if value and _split(value, allowed).scheme not in {"https", "http", "smtp", "smtps"}:
        raise ValueError(allowed)
    return value


def is_loopback(host: str) -> bool:
    """Whether a host is this machine. No name is looked up."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

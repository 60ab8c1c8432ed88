"""Which provider is meant: a name and a few settings become an adapter, or a ValueError that says what is wrong."""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from course.mail import postmark, resend
from course.mail.hook import Hook
from course.mail.outbox import Outbox
from course.mail.postmark import Postmark
from course.mail.postmark_hook import PostmarkHook
from course.mail.provider import Provider
from course.mail.resend import Resend
from course.mail.resend_hook import ResendHook
from course.mail.smtp import Server, Smtp


@dataclass(frozen=True, slots=True)
class _Choice:
    url: str
    key: str
    outbox_path: Path
    settle: timedelta
    now: Callable[[], datetime]
    message_stream: str


_BUILDERS: dict[str, Callable[[_Choice], Provider]] = {
    "outbox": lambda choice: Outbox(choice.outbox_path, choice.now),
    "postmark": lambda choice: Postmark(
        _key(choice.key),
        settle=choice.settle,
        message_stream=choice.message_stream,
        base_url=base_url(choice.url or postmark.BASE_URL),
    ),
    "resend": lambda choice: Resend(_key(choice.key), base_url=base_url(choice.url or resend.BASE_URL)),
    "smtp": lambda choice: Smtp(smtp_server(choice.url, choice.key), choice.now),
}
_SMTP_PORTS = {"smtp": 587, "smtps": 465}


def provider_named(
    name: str,
    *,
    url: str = "",
    key: str = "",
    outbox_path: Path,
    settle: timedelta,
    now: Callable[[], datetime],
    message_stream: str = "broadcast",
) -> Provider:
    """The adapter of this name. `url` is a base URL of one's own, or smtp://user:password@host:port; `key` is the
    API key or the password of an SMTP URL without one; `settle` is for providers that can be asked (Postmark);
    `now` gives the Date of a mail (SMTP, outbox) and is aware. No message of a ValueError has a secret in it."""
    if name not in _BUILDERS:
        raise ValueError(f"there is no provider {name!r}, but there are {', '.join(sorted(_BUILDERS))}")
    return _BUILDERS[name](_Choice(url, key, outbox_path, settle, now, message_stream))


_HOOKS: dict[str, type[Hook]] = {hook.name: hook for hook in (PostmarkHook, ResendHook)}


def hook_named(name: str, secrets: Sequence[str]) -> Hook | None:
    """The webhook of this provider; None if it has none, or if no secret is set: then the door is shut."""
    return _HOOKS[name](secrets) if name in _HOOKS and secrets else None


def base_url(url: str) -> str:
    """The URL without a trailing slash. The key goes where it points, so only https is allowed, but for loopback."""
    parts = _split(url, "https://host")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise ValueError("a provider's URL begins with https:// (http:// is for this machine only)")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a provider's URL has no user and no password; the key has a setting of its own")
    if parts.query or parts.fragment or url.endswith(("?", "#")):
        raise ValueError("a provider's URL has no ? and no #")
    return url.rstrip("/")


def smtp_server(url: str, password: str = "") -> Server:
    """smtp:// insists on STARTTLS except on loopback, smtps:// is TLS from the start."""
    parts = _split(url, "smtp://user:password@host:587 or smtps://user:password@host:465")
    if parts.scheme not in _SMTP_PORTS:
        raise ValueError("an SMTP server's URL begins with smtp:// or smtps://")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("an SMTP server's URL ends with the port; in a password @ : / ? # are written as %40 …")
    host = parts.hostname or ""
    clear: Literal["clear", "starttls"] = "clear" if is_loopback(host) else "starttls"
    return Server(
        host=host,
        port=parts.port or _SMTP_PORTS[parts.scheme],
        security="tls" if parts.scheme == "smtps" else clear,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or "") or password,
    )


def is_loopback(host: str) -> bool:
    """True for this machine's own addresses and names. No name is looked up: DNS could say anything."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _split(url: str, example: str) -> SplitResult:
    wrong = ValueError(f"a URL is needed like {example}")
    if not url.isprintable() or " " in url:
        raise wrong
    try:
        parts = urlsplit(url)
        port = parts.port  # raises if it is none
    except ValueError:
        raise wrong from None  # its own message would repeat the URL with the password
    if not parts.hostname or port == 0:
        raise wrong
    return parts


def _key(key: str) -> str:
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("this provider needs its key, as it was shown there: ASCII and without blanks")
    return key

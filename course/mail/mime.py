"""A message as RFC 5322 bytes, and the addresses and headers that every adapter must get right.

The headers are written here and only the body by `email`, for two reasons that were seen: its default policy folds
a long List-Unsubscribe into encoded words, which destroys it, and in Python 3.11 it decodes an encoded word in a
subject and writes the line end that was hidden in there.
"""

import re
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, quote

import idna

from course.core.letter import Message, one_line

_ATEXT = r'[^\s"(),:;<>@\[\]\\]'  # no quotes, comments, lists or routes: one address and nothing else
_ADDRESS = re.compile(rf"{_ATEXT}+@{_ATEXT}+")
_NAME = re.compile(r"[A-Za-z0-9-]+")
_OURS = re.compile(r"(from|sender|to|cc|bcc|reply-to|subject|date|message-id|mime-version|content-.*|resent-.*)", re.I)
_LONGEST_LINE = 900  # octets; RFC 5322 allows 998


def mail(message: Message) -> bytes:
    """The whole mail except its Date. The same message gives the same bytes."""
    letter = message.letter
    sender = plain_address(letter.sender_email)
    lines = [
        f"From: {encoded_mailbox(letter.sender_name, sender)}",
        f"To: {plain_address(message.to)}",
        *([f"Reply-To: {plain_address(letter.reply_to)}"] if letter.reply_to else []),
        f"Subject: {_words('Subject', one_line(message.subject))}",
        f"Message-ID: <{message.send_id}@{sender.rpartition('@')[2]}>",
        *(f"{name}: {_structured(name, value)}" for name, value in extra_headers(message).items()),
    ]
    return "".join(f"{line}\r\n" for line in lines).encode() + _body(message)


def dated(mail: bytes, at: datetime) -> bytes:
    """The mail with its Date on top; `at` is aware. Added when it is sent, so that building needs no clock."""
    return f"Date: {format_datetime(at)}\r\n".encode() + mail


def plain_address(address: str) -> str:
    """The address with its domain in A-labels (IDNA 2008, UTS 46); the local part stays as typed.

    ValueError for anything but one plain address: two of them, a name, a quoted local part, a line end.
    """
    local, _, domain = address.rpartition("@")
    if not _ADDRESS.fullmatch(address) or not address.isprintable():
        raise ValueError("not one plain address")
    return address if domain.isascii() else f"{local}@{idna.encode(domain, uts46=True).decode('ascii')}"


def mailbox(name: str, address: str) -> str:
    """`"Name" <address>` in Unicode, quoted, for the APIs that encode it themselves."""
    name = one_line(name)
    return f'"{quote(name)}" <{plain_address(address)}>' if name else plain_address(address)


def encoded_mailbox(name: str, address: str) -> str:
    """The same for a header of our own: a name in ASCII is quoted, another is encoded words."""
    encoded = _words("From", one_line(name))
    return mailbox(name, address) if encoded == one_line(name) else f"{encoded} <{plain_address(address)}>"


def extra_headers(message: Message) -> dict[str, str]:
    """The letter's own headers, one line each. ValueError for a name that is none or that is ours to write."""
    headers = {name: one_line(value) for name, value in message.headers.items()}
    if wrong := [name for name in headers if not _NAME.fullmatch(name) or _OURS.fullmatch(name)]:
        raise ValueError(f"headers that a letter cannot have: {wrong}")
    return headers


def _words(header: str, text: str) -> str:
    """ASCII as it stands; the rest, and what only looks like an encoded word, as words of at most 75 characters."""
    if text.isascii() and "=?" not in text and len(text) <= _LONGEST_LINE:
        return text
    return Header(text, "utf-8", maxlinelen=76, header_name=header).encode(linesep="\r\n")


def _structured(header: str, value: str) -> str:
    """What stands in angle brackets is for machines and never encoded; a List-Id may have a title before them."""
    title, bracket, rest = value.partition("<")
    if not bracket or not rest.isascii():
        return _words(header, value)
    return " ".join(filter(None, [_words(header, title.strip()), bracket + rest]))


def _body(message: Message) -> bytes:
    body = EmailMessage(policy=SMTP)
    body.set_content(_utf8(message.text), cte="quoted-printable")
    body.add_alternative(_utf8(message.html), subtype="html", cte="quoted-printable")
    body.set_boundary(f"=_{message.send_id}")  # quoted-printable has no "=_": it cannot be in a part
    return body.as_bytes()


def _utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")  # half a surrogate pair has no UTF-8

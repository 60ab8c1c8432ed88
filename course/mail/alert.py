"""Tells a person that something is wrong, by a road of its own: not the provider that may be what is wrong."""

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from html import escape
from urllib.parse import urlsplit, urlunsplit

from course.core.letter import Letter, Message, Part, Values
from course.core.outcome import reason
from course.mail.http import Answer, Http
from course.mail.registry import smtp_server
from course.mail.smtp import Smtp

Tell = Callable[[str, str], str]
"""Tells a subject and a text. What went wrong; "" once somebody has it."""


def teller(url: str, sender: str, now: Callable[[], datetime]) -> Tell:
    """`https://…` gets the text as the body of a POST (healthchecks, ntfy and their like take it); `smtp://…/address`
    gets a mail."""
    return _by_smtp(url, sender, now) if urlsplit(url).scheme in {"smtp", "smtps"} else _by_http(url)


def _by_http(url: str) -> Tell:
    parts = urlsplit(url)
    http = Http(f"{parts.scheme}://{parts.netloc}", {"Content-Type": "text/plain; charset=utf-8"})
    path = urlunsplit(("", "", parts.path or "/", parts.query, ""))

    def tell(subject: str, text: str) -> str:
        answer = http.post(path, f"{subject}\n\n{text}".encode(), {})
        if isinstance(answer, Answer):
            return "" if 200 <= answer.status < 300 else f"HTTP status {answer.status}"
        return reason(answer)

    return tell


def _by_smtp(url: str, sender: str, now: Callable[[], datetime]) -> Tell:
    parts = urlsplit(url)
    smtp = Smtp(smtp_server(urlunsplit((parts.scheme, parts.netloc, "", "", ""))), now)
    to = parts.path.strip("/")

    def tell(subject: str, text: str) -> str:
        send_id = sha256(f"{now().isoformat()}{text}".encode()).hexdigest()[:32]
        page = Part((f"<p>{escape(text)}</p>",))
        letter = Letter("Email course", sender, "", Part((subject,)), Part((text,)), page, {})
        [outcome] = smtp.send([Message(send_id, to, letter, Values({}))], send_id)
        smtp.close()
        return reason(outcome)

    return tell

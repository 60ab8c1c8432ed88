"""SMTP: one message to one recipient in each transaction, over connections that are used again.

There is no idempotency and no look-up, so it matters where a connection breaks: until the final dot the server has
no message, after it nobody knows (RFC 1047). Source: RFC 5321, 3463, 4954, 7372, 8314.
"""

import re
import smtplib
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from socket import IPPROTO_TCP, TCP_NODELAY, socket
from typing import ClassVar, Literal, cast

from course.core.letter import Message
from course.core.outcome import HELD_UP, Accepted, Misconfigured, Outcome, Refused
from course.mail import mime
from course.mail.provider import Provider, Ready, always
from course.mail.smtp_reply import Step, is_good, outcome_of_loss, outcome_of_no_connection, outcome_of_reply

MAILS_PER_CONNECTION = 100


@dataclass(frozen=True, slots=True)
class Server:
    """Where to connect. "tls" is TLS from the start, "starttls" insists on it, "clear" is for loopback only."""

    host: str
    port: int
    security: Literal["tls", "starttls", "clear"]
    user: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for each reply, and for the one after the dot, where giving up early makes duplicates."""

    reply: float = 60.0
    dot: float = 120.0


class Smtp(Provider):
    """`now` gives the Date of a mail. `tls` is for certificates of one's own; the default verifies against the
    system's, and the host name too."""

    name: ClassVar[str] = "smtp"

    def __init__(
        self,
        server: Server,
        now: Callable[[], datetime],
        tls: ssl.SSLContext | None = None,
        patience: Patience | None = None,
    ):
        self._server = server
        self._now = now
        self._tls = tls or ssl.create_default_context()
        self._patience = patience or Patience()
        self._idle: deque[_Line] = deque()  # appending and popping are atomic: no thread needs a line of its own

    def build(self, messages: Sequence[Message]) -> bytes:
        """The envelope, sender and recipient on a line each, and the mail."""
        [message] = messages
        envelope = (message.letter.sender_email, message.to)
        return "".join(f"{mime.plain_address(address)}\r\n" for address in envelope).encode() + mime.mail(message)

    def post(self, body: bytes, key: str, count: int, ready: Ready = always) -> list[Outcome]:
        sender, recipient, mail = body.split(b"\r\n", 2)
        try:
            line = self._line()
        except (OSError, ValueError) as error:
            return [outcome_of_no_connection(error)]
        if not ready():
            line.hang_up()
            return [HELD_UP]
        outcome = line.deliver(sender.decode(), recipient.decode(), mime.dated(mail, self._now()))
        if isinstance(outcome, Accepted) and line.mails < MAILS_PER_CONNECTION:
            self._idle.append(line)
        else:
            line.hang_up()
        return [outcome]

    def close(self) -> None:
        while line := self._take():
            line.hang_up()

    def _line(self) -> "_Line":
        line = self._take()
        if line and line.reset():
            return line
        # The others wait for longer: what dropped this one dropped them, and each would be waited for in its turn.
        while line and (line := self._take()):
            line.drop()
        return _Line(_connect(self._server, self._tls, self._patience.reply), self._patience)

    def _take(self) -> "_Line | None":
        try:
            return self._idle.pop()
        except IndexError:
            return None


class _Line:
    """A connection over which transactions go one after another. It is lost when a reply did not come."""

    def __init__(self, smtp: smtplib.SMTP, patience: Patience):
        self._smtp = smtp
        self._patience = patience
        self.mails = 0

    def deliver(self, sender: str, recipient: str, mail: bytes) -> Outcome:
        self.mails += 1
        if not (sender + recipient).isascii() and not self._smtp.has_extn("smtputf8"):
            return _needs_smtputf8(recipient)
        step: Step = "MAIL"
        try:
            for step, say in self._steps(sender, recipient, mail):
                code, text = say()
                if not is_good(step, code):
                    return outcome_of_reply(step, code, text.decode("utf-8", "replace"))
        except OSError as error:
            self._smtp.close()
            return outcome_of_loss(step, error)
        return Accepted()

    def reset(self) -> bool:
        """Makes ready for the next transaction; False, and closed, if the other side is gone."""
        try:
            if self._smtp.rset()[0] == 250:
                return True
        except OSError:
            pass
        self.drop()
        return False

    def drop(self) -> None:
        """Closes it without a word."""
        self._smtp.close()

    def hang_up(self) -> None:
        try:
            self._smtp.quit()
        except OSError:
            self._smtp.close()

    def _steps(self, sender: str, recipient: str, mail: bytes) -> list[tuple[Step, Callable[[], tuple[int, bytes]]]]:
        options = [] if (sender + recipient).isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
        return [
            ("MAIL", lambda: self._smtp.mail(sender, options)),
            ("RCPT", lambda: self._smtp.rcpt(recipient)),
            ("DATA", lambda: self._data(mail)),
            ("the dot", self._dot),
        ]

    def _data(self, mail: bytes) -> tuple[int, bytes]:
        code, text = self._smtp.docmd("DATA")
        if code == 354:
            self._smtp.send(re.sub(rb"(?m)^\.", b"..", mail))
        return code, text

    def _dot(self) -> tuple[int, bytes]:
        sock = cast(socket, self._smtp.sock)
        sock.settimeout(self._patience.dot)
        self._smtp.send(b".\r\n")
        reply = self._smtp.getreply()
        sock.settimeout(self._patience.reply)
        return reply


def _connect(server: Server, tls: ssl.SSLContext, seconds: float) -> smtplib.SMTP:
    if server.security == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, timeout=seconds, context=tls)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=seconds)
    try:
        # The dot is a write of its own; without this it would wait 40 ms for the mail before it to be acknowledged.
        cast(socket, smtp.sock).setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        smtp.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            smtp.starttls(context=tls)  # raises if it is not offered: a password never goes in clear text
            smtp.ehlo_or_helo_if_needed()
        if server.user:
            smtp.login(server.user, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _needs_smtputf8(recipient: str) -> Outcome:
    reason = "the server takes only ASCII before the @ (it does not offer SMTPUTF8)"
    return Misconfigured(f"sender: {reason}") if recipient.isascii() else Refused(reason, "recipient")

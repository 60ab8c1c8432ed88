"""An SMTP server of which every reply can be scripted, the silences and the hanging up too."""

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from tests.mail.http_server import CERTIFICATE, server_tls

HANGS_UP = ""
SILENCE = "…"
REPLIES = {
    "greeting": "220 mail.test ESMTP",
    "EHLO": "250-mail.test\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250 ENHANCEDSTATUSCODES",
    "STARTTLS": "220 2.0.0 go on",
    "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go on",
    "half": "",
    "dot": "250 2.0.0 queued",
    "RSET": "250 2.0.0 ok",
    "QUIT": "221 2.0.0 bye",
}


@dataclass
class Conversation:
    commands: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    encrypted: bool = False


class SmtpScript:
    """`replies[verb]` is said to that verb: a reply, a list of them (the last one for ever), HANGS_UP or SILENCE.
    "half" is what happens when the first bytes of a mail came; anything but "" there ends the connection."""

    def __init__(self, implicit_tls: bool = False) -> None:
        self.replies: dict[str, str | list[str]] = dict(REPLIES)
        self.conversations: list[Conversation] = []
        self._implicit_tls = implicit_tls
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._listen)]
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    @property
    def commands(self) -> list[str]:
        return [command for conversation in self.conversations for command in conversation.commands]

    @property
    def mails(self) -> list[bytes]:
        return [mail for conversation in self.conversations for mail in conversation.mails]

    def reply(self, verb: str) -> str:
        reply = self.replies.get(verb, "502 5.5.1 what?")
        if isinstance(reply, list):
            return reply.pop(0) if len(reply) > 1 else reply[0]
        return reply

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            conversation = Conversation()
            self.conversations.append(conversation)
            thread = threading.Thread(target=self._guarded, args=(connection, conversation))
            self._threads.append(thread)
            thread.start()

    def _guarded(self, connection: socket.socket, conversation: Conversation) -> None:
        connection.settimeout(5)
        try:
            if self._implicit_tls:
                connection = server_tls().wrap_socket(connection, server_side=True)
                conversation.encrypted = True
            self._talk(connection, conversation)
        except (OSError, _TheEndError):
            pass
        finally:
            connection.close()

    def _talk(self, connection: socket.socket, conversation: Conversation) -> None:
        self._say(connection, "greeting")
        reader = connection.makefile("rb")
        while line := reader.readline():
            command = line.decode("utf-8", "replace").strip()
            conversation.commands.append(command)
            verb = command.split(" ")[0].upper()
            reply = self._say(connection, verb)
            if verb == "STARTTLS" and reply.startswith("220"):
                reader.close()
                connection = server_tls().wrap_socket(connection, server_side=True)
                conversation.encrypted = True
                reader = connection.makefile("rb")
            if verb == "DATA" and reply.startswith("354"):
                self._take(connection, conversation, reader.readline)
            if verb == "QUIT":
                break
        reader.close()
        connection.close()

    def _take(self, connection: socket.socket, conversation: Conversation, readline: Callable[[], bytes]) -> None:
        lines = []
        while (line := readline()) != b".\r\n":
            if not line or self.reply("half"):
                raise _TheEndError
            lines.append(line.removeprefix(b"."))
        conversation.mails.append(b"".join(lines))
        self._say(connection, "dot")

    def _say(self, connection: socket.socket, verb: str) -> str:
        reply = self.reply(verb)
        if reply == SILENCE:
            self._stopping.wait(5)
        if reply in (SILENCE, HANGS_UP):
            raise _TheEndError
        connection.sendall(f"{reply}\r\n".encode())
        return reply


class _TheEndError(Exception):
    """The script ends the conversation here."""


def client_tls() -> ssl.SSLContext:
    """Verifies as usual, but against the tests' own certificate."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))

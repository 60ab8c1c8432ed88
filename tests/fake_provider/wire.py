"""HTTP/1.1 on plain sockets, a thread for each connection: little work for each request, and full control of endings.

Whoever says nothing for `silence` seconds is hung up on: before a request, within its head, within its body. A body
that came only in part is never handed on. So a process that was frozen for longer can post nothing when it wakes.
"""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

LONGEST_HEAD = 64 * 1024
REASONS = {200: "OK", 302: "Found", 401: "Unauthorized", 422: "Unprocessable Entity", 429: "Too Many Requests"}


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # names in lower case
    body: bytes | bytearray
    at: float  # monotonic: when its last byte had come

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    """`manner`: plain; truncate (the last byte is missing); drip (a byte of the body every 50 ms) and "drip head"
    (of all); hang and reset say nothing."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    manner: str = "plain"
    seconds: float = 0.0  # how long a hang or a drip lasts at most
    not_before: float = 0.0  # monotonic

    @property
    def bytes(self) -> bytes:
        headers = {"Content-Type": "application/json", "Content-Length": str(len(self.body))} | self.headers
        lines = (f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'So')}\r\n{''.join(lines)}\r\n".encode() + self.body


def as_json(status: int, value: object, **headers: str) -> Reply:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), named)


class HungUpError(Exception):
    """The other side went away or said nothing for too long."""


class HttpServer:
    """`handle` turns a request into a reply; it is called from many threads."""

    def __init__(self, handle: Callable[[Request], Reply], port: int, silence: float):
        self._handle = handle
        self._silence = silence
        self._listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.stopping = threading.Event()
        self.port: int = self._listener.getsockname()[1]
        self.connections = self.hung_up = 0

    def serve(self) -> None:
        """Until `stop` is called from another thread."""
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._guarded, args=(connection,), daemon=True).start()

    def stop(self) -> None:
        self.stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _guarded(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(self._silence)
        try:
            reader = _Reader(connection)
            while reply := self._next(reader):
                if not self._say(connection, reply):
                    return
        except TimeoutError:
            self.hung_up += 1
        except (OSError, HungUpError):
            pass
        finally:
            connection.close()

    def _next(self, reader: "_Reader") -> Reply | None:
        request = reader.request()
        if request is None or self.stopping.is_set():
            return None
        try:
            return self._handle(request)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return as_json(400, {"message": f"the fake provider cannot read this: {error!r}"})

    def _say(self, connection: socket.socket, reply: Reply) -> bool:
        """False: the connection is used up."""
        self.stopping.wait(max(0.0, reply.not_before - time.monotonic()))
        if reply.manner == "plain":
            connection.sendall(reply.bytes)
            return True
        if reply.manner == "reset":
            _reset(connection)
        elif reply.manner == "hang":
            self._hang(connection, reply.seconds)
        elif reply.manner == "truncate":
            connection.sendall(reply.bytes[:-1])
        elif reply.manner in {"drip", "drip head"}:
            self._drip(connection, reply)
        return False

    def _hang(self, connection: socket.socket, seconds: float) -> None:
        """Says nothing until the time is over or the other side gives up."""
        end = time.monotonic() + seconds
        connection.settimeout(0.2)
        while time.monotonic() < end and not self.stopping.is_set():
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                continue

    def _drip(self, connection: socket.socket, reply: Reply) -> None:
        end = time.monotonic() + reply.seconds
        head = 0 if reply.manner == "drip head" else len(reply.bytes) - len(reply.body)
        connection.sendall(reply.bytes[:head])
        for byte in reply.bytes[head:]:
            if time.monotonic() > end or self.stopping.wait(0.05):
                return
            connection.sendall(bytes([byte]))


class _Reader:
    def __init__(self, connection: socket.socket):
        self._connection = connection
        self._left = bytearray()  # came already, not yet used

    def request(self) -> Request | None:
        """The next request as a whole; None if the other side closed before a new one."""
        head = self._head()
        if head is None:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = self._exactly(int(headers.get("content-length", "0")))
        parts = urlsplit(target)
        return Request(method, parts.path, dict(parse_qsl(parts.query)), headers, body, time.monotonic())

    def _head(self) -> bytes | None:
        while (end := self._left.find(b"\r\n\r\n")) < 0:
            if len(self._left) > LONGEST_HEAD:
                raise HungUpError
            chunk = self._connection.recv(65536)
            if not chunk and not self._left:
                return None
            if not chunk:
                raise HungUpError
            self._left += chunk
        head = bytes(self._left[:end])
        del self._left[: end + 4]
        return head

    def _exactly(self, length: int) -> bytearray:
        body = bytearray(length)
        have = min(length, len(self._left))
        body[:have] = self._left[:have]
        del self._left[:have]
        view = memoryview(body)
        while have < length:
            read = self._connection.recv_into(view[have:])
            if not read:
                raise HungUpError
            have += read
        return body


def _reset(connection: socket.socket) -> None:
    """RST, not FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

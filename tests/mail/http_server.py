"""A small HTTP server that does what a list of behaviours says, one for each request, the last one for ever."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer

CERTIFICATE = Path(__file__).with_name("localhost.pem")


@dataclass
class Seen:
    method: str
    path: str
    headers: Message
    body: bytes


class Handler(BaseHTTPRequestHandler):
    server: "ScriptedServer"
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms between its headers and its body

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append(Seen(self.command, self.path, self.headers, body))
        self.server.behaviour()(self)

    do_GET = do_POST

    def setup(self) -> None:
        self.server.connections += 1
        super().setup()

    def log_message(self, *args: object) -> None:
        pass


Behaviour = Callable[[Handler], None]


class ScriptedServer(ThreadingHTTPServer):
    request_queue_size = 64

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[Seen] = []
        self.script: list[Behaviour] = []
        self.connections = 0
        self.poured = 0
        self.stopping = threading.Event()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_address[1]}"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's would ask the DNS for our name, each time

    def behaviour(self) -> Behaviour:
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def handle_error(self, *args: object) -> None:
        pass  # the client hung up, which is what most tests are about


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    server = ScriptedServer(tls)
    thread = threading.Thread(target=server.serve_forever, args=(0.005,))
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()


def server_tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def says(status: int, body: object = b"", **headers: str) -> Behaviour:
    """Answers with bytes as they are or with anything else as JSON; `Retry_After` is the header Retry-After."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def behave(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return behave


def hangs(handler: Handler) -> None:
    handler.server.stopping.wait(10)


def resets(handler: Handler) -> None:
    """The request was read as a whole; then the connection is torn down (RST, not FIN)."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def hangs_up(handler: Handler) -> None:
    handler.close_connection = True


def babbles(handler: Handler) -> None:
    handler.wfile.write(b"220 mail.test ESMTP\r\n\r\n")
    handler.close_connection = True


def truncates(body: object) -> Behaviour:
    """Promises the whole JSON and sends all of it but the last byte."""
    content = json.dumps(body).encode()

    def behave(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:-1])
        handler.close_connection = True

    return behave


def stalls(handler: Handler) -> None:
    """The headers and a first byte, then nothing."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"[")
    handler.server.stopping.wait(10)


def drips(handler: Handler) -> None:
    """A byte every 10 ms: each single read is fast, all of them never end."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not handler.server.stopping.wait(0.01):
        handler.wfile.write(b" ")


def pours(handler: Handler, status: int = 200) -> None:
    """JSON without end. How many bytes were taken from it stands in `server.poured`."""
    handler.send_response(status)
    handler.send_header("Location", "/elsewhere")
    handler.send_header("Content-Length", str(1 << 40))
    handler.end_headers()
    while not handler.server.stopping.is_set():
        handler.wfile.write(b" " * 65536)
        handler.server.poured += 65536

"""Processes that stay: the web server, the worker, or both in one. They end on SIGTERM and Ctrl-C, with exit 0, once
the batch in hand is finished."""

import ctypes
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Event
from types import FrameType

import waitress

from course import assembly
from course.assembly import Parts
from course.core.errors import CourseError

THREADS = 8
SWITCH = 0.001  # seconds; whoever writes lets go of the interpreter at each statement, and all wait for its return
LONGEST_BODY = 17 * 1000 * 1000  # bytes; over what a picture's form takes, the app refuses less where it takes less
_MMAP_THRESHOLD = -3  # of glibc's mallopt


def serve(parts: Parts, listener: socket.socket, *, worker: bool) -> None:
    """Runs the web server, with the worker beside it if wanted, until it is told to stop."""
    sys.setswitchinterval(SWITCH)
    server = waitress.create_server(
        assembly.web_app(parts),
        sockets=[listener],
        threads=THREADS,
        ident=None,
        # What a proxy says is for the app: ProxyFix believes so many hops as are trusted, and the outbox refuses all.
        clear_untrusted_proxy_headers=False,
        max_request_body_size=LONGEST_BODY,
    )
    with suppress(SystemExit, KeyboardInterrupt), _ends_on_signals(), _watching(parts), ExitStack() as stack:
        if worker:
            stack.enter_context(_working(parts))
        server.run()  # takes SystemExit and KeyboardInterrupt as the wish to end
        server.close()


def work(parts: Parts) -> None:
    """Runs the worker alone until it is told to stop."""
    with suppress(SystemExit, KeyboardInterrupt), _ends_on_signals(), _watching(parts), _working(parts):
        Event().wait()


@contextmanager
def _working(parts: Parts) -> Iterator[None]:
    give_memory_back()
    loop, close = assembly.worker_loop(parts)
    loop.start()
    try:
        yield
    finally:
        loop.stop()
        close()


def give_memory_back() -> None:
    """A batch is a block of 8 MB. Left alone, glibc learns to keep such blocks, several times over; from a fixed size
    on it gives each back to the system at once. Other systems have no such knob."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 1 << 20)


@contextmanager
def _watching(parts: Parts) -> Iterator[None]:
    loop = assembly.watch_loop(parts)
    loop.start()
    try:
        yield
    finally:
        loop.stop()


@contextmanager
def _ends_on_signals() -> Iterator[None]:
    def end(_signal: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the second one does not wait
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)
    yield


def bound(host: str, port: int) -> socket.socket:
    """Where the server will listen. To be asked for before anything else, so that a port that is taken is said at
    once."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        return listener
    except OSError as error:
        remedy = (
            "Is --host an address of this machine?"
            if isinstance(error, socket.gaierror)
            else ("Choose another one with --port (make run PORT=8001).")
        )
        raise CourseError(f"{host}:{port} cannot be used ({error.strerror}). {remedy}") from None


def log_to_stderr(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.WARNING)

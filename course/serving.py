"""Processes that stay: the web server, the worker, or both in one. They end on SIGTERM and Ctrl-C, with exit 0, once
the batch in hand is finished."""

import ctypes
import errno
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from threading import Event, Thread

import waitress

from course import assembly
from course.assembly import Parts
from course.core.errors import CourseError

THREADS = 8
ENDS = {signal.SIGTERM, signal.SIGINT}
SWITCH = 0.001  # seconds; whoever writes lets go of the interpreter at each statement, and all wait for its return
LONGEST_BODY = 17 * 1000 * 1000  # bytes; over what a picture's form takes, the app refuses less where it takes less
_MMAP_THRESHOLD = -3  # of glibc's mallopt


def serve(parts: Parts, listener: socket.socket, *, worker: bool) -> None:
    """Runs the web server, with the worker beside it if wanted, until it is told to stop."""
    sys.setswitchinterval(SWITCH)
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)  # before there is any other thread
    server = waitress.create_server(
        assembly.web_app(parts),
        sockets=[listener],
        threads=THREADS,
        ident=None,
        # What a proxy says is for the app: ProxyFix believes so many hops as are trusted, and the outbox refuses all.
        clear_untrusted_proxy_headers=False,
        max_request_body_size=LONGEST_BODY,
    )
    with suppress(KeyboardInterrupt), _told_to_end(server.pull_trigger) as told, _watching(parts), ExitStack() as stack:
        if worker:
            stack.enter_context(_working(parts))
        while not told.is_set():
            server.asyncore.loop(timeout=1, map=server._map, use_poll=server.adj.asyncore_use_poll, count=1)
        server.task_dispatcher.shutdown()
        server.close()


def work(parts: Parts) -> None:
    """Runs the worker alone until it is told to stop."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    with suppress(KeyboardInterrupt), _told_to_end() as told, _watching(parts), _working(parts):
        told.wait()


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
def _told_to_end(wake: Callable[[], None] = lambda: None) -> Iterator[Event]:
    """Set when SIGTERM or Ctrl-C comes; then `wake` is called. A handler that raises may do so in a callback of the
    interpreter's own, where it is dropped with a line in the log: so they are blocked, and a thread waits for them."""
    told = Event()

    def wait() -> None:
        signal.sigwait(ENDS)
        told.set()
        wake()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)  # the second one does not wait
        Event().wait()

    Thread(target=wait, name="signals", daemon=True).start()
    yield told


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
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL
            else ("Choose another one with --port (make run PORT=8001).")
        )
        raise CourseError(f"{host}:{port} cannot be used ({error.strerror}). {remedy}") from None


def log_to_stderr(level: str) -> None:
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.WARNING)

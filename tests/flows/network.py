"""Machines with one PostgreSQL and one provider, and the relays between them, which a test can cut."""

import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from urllib.parse import urlsplit

from sqlalchemy import make_url

from tests.fake_provider.client import FakeProvider
from tests.fake_provider.waiting import eventually
from tests.flows.site import Process, Site, free_port

Connect = Callable[[], socket.socket]


class Relay:
    """From a socket that listens on the machine to something outside. When it is cut, nothing passes and nobody is
    told; when it is mended, what was open is reset."""

    def __init__(self, listener: socket.socket, connect: Connect):
        self._listener, self._connect = listener, connect
        self._whole = Event()
        self._whole.set()
        self._open: list[socket.socket] = []
        self.passed = 0  # pieces that went out
        Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._reset()
        self._whole.set()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._reset()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                inside, _ = self._listener.accept()
                self._open.append(inside)
                if not self._whole.is_set():
                    continue  # it stays without an answer
                outside = self._connect()
                self._open.append(outside)
                Thread(target=self._pump, args=(inside, outside, 1), daemon=True).start()
                Thread(target=self._pump, args=(outside, inside, 0), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, out: int) -> None:
        with suppress(OSError):
            while chunk := source.recv(65536):
                if not self._whole.is_set():
                    return
                self.passed += out
                target.sendall(chunk)
            if self._whole.is_set():
                target.shutdown(socket.SHUT_WR)

    def _reset(self) -> None:
        while self._open:
            one = self._open.pop()
            with suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@dataclass
class Machine:
    """With a worker on it."""

    process: Process
    database: Relay
    provider: Relay


@dataclass
class Network:
    """Machines with one database and one provider. All know the provider by the same address."""

    site: Site
    fake: FakeProvider
    provider_port: int
    speed: int
    machines: list[Machine] = field(default_factory=list)
    readers: list[str] = field(default_factory=list)

    def in_a_batch(self, machine: Machine) -> None:
        """Waits until this machine has posted something whose answer is still to come: the provider is slow. Readers
        come in meanwhile, so that there is work for whoever is quickest, and at last for this one."""
        before = machine.provider.passed
        for _ in range(60):
            if machine.provider.passed > before:
                return
            self.readers.append(f"more{len(self.readers)}@runner.test")
            self.site.import_readers(self.readers[-1:])
            with suppress(AssertionError):
                eventually(lambda: machine.provider.passed > before, 3, 0.01)
        raise AssertionError("this machine gets nothing to do")

    def machine(self) -> Machine:
        ours, theirs = socket.socketpair()
        database_port = free_port()
        with ours, theirs:
            process = self._start(theirs, database_port)
            _, fds, *_ = socket.recv_fds(ours, 100, 2)
        database, provider = (socket.socket(fileno=fd) for fd in fds)
        found = Machine(process, Relay(database, self._to_database), Relay(provider, self._to_provider))
        self.machines.append(found)
        return found

    def close(self) -> None:
        for machine in self.machines:
            machine.process.kill()
            machine.database.close()
            machine.provider.close()

    def _start(self, channel: socket.socket, database_port: int) -> Process:
        url = make_url(self.site.database_url)
        there = url.set(host="127.0.0.1", port=database_port, query={}).render_as_string(hide_password=False)
        settings = {
            "COURSE_DATABASE_URL": there,
            "COURSE_PROVIDER_URL": f"http://127.0.0.1:{self.provider_port}",
            "COURSE_JOURNAL": str(self.site.folder / f"journal-{database_port}"),
        }
        numbers = [str(number) for number in (channel.fileno(), database_port, self.provider_port)]
        command = [sys.executable, "-m", "tests.flows.machine", *numbers, "worker", "--speed", str(self.speed)]
        return self.site.start_command(command, "machine", settings, pass_fds=[channel.fileno()])

    def _to_database(self) -> socket.socket:
        folder = make_url(self.site.database_url).query["host"]
        found = socket.socket(socket.AF_UNIX)
        found.connect(f"{folder}/.s.PGSQL.5432")
        return found

    def _to_provider(self) -> socket.socket:
        parts = urlsplit(self.fake.url)
        return socket.create_connection((parts.hostname, parts.port or 0))

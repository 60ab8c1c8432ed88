"""An installation of ours under test: its folder, its environment, and the processes that run in it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import requests

from course.actions import installing
from course.store.db import Database
from tests.fake_provider.waiting import eventually
from tests.flows.forked import PATIENCE, ROOT, Forked, Strike

DAY = 86_400
# A line of the log by its level, or what Python prints of an exception; never the middle of a line.
FAULT = re.compile(r"^(?:Traceback|Exception |[\w.]+Error\b|\S+ \S+ (?:ERROR|CRITICAL)\b).*", re.MULTILINE)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Process:
    """One `course …` that runs until it is told to end. What it says goes to a file."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path, pass_fds: Sequence[int] = ()):
        self.log = log
        self.started = time.monotonic()
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=dict(environment), stdout=out, stderr=out, pass_fds=pass_fds
            )

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def poll(self) -> int | None:
        return self._process.poll()

    def cpu_seconds(self) -> float:
        """What it used of the machine until now."""
        user, system = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def end(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code. One that does not end is killed, and its code tells."""
        self._process.send_signal(by)
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@dataclass
class Site:
    """A context manager that leaves no process behind. `settings` are COURSE_… without the prefix. Its processes are
    forked, unless `from_nothing` is set for a test of how they start and end: to import everything takes each a second
    of a processor."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    processes: list[Process | Forked] = field(default_factory=list)
    ready_after: float = 0.0  # seconds from the last start of a server to its first page
    from_nothing: bool = False

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._http = requests.Session()
        self._http.trust_env = False
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        if "database" in vars(self):
            self.database.close()
        self.kill()

    def kill(self) -> None:
        """Whatever still runs here."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """From scratch: nothing of the machine that runs the tests gets in."""
        named = {f"COURSE_{name.upper()}": value for name, value in self.settings.items()}
        base = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LANG": "C.UTF-8", "COURSE_PUBLIC_URL": self.url}
        base |= {"COURSE_SIGNUPS_PER_IP": "0", "COURSE_SIGNUPS_PER_NETWORK": "0"}  # all readers come from one address
        return base | {"COURSE_HOME": str(self.home)} | named

    # Processes

    def run(self, speed: int = 1) -> Process | Forked:
        """`course run`, once it answers."""
        return self._serving("run", "--port", str(self.port), "--speed", str(speed))

    def web(self, speed: int = 1, port: int | None = None) -> Process | Forked:
        return self._serving("web", "--port", str(port or self.port), "--speed", str(speed))

    def worker(self, speed: int = 1) -> Process | Forked:
        process = self.start("worker", "--speed", str(speed))
        eventually(lambda: "sends what is due" in self._alive(process).said, PATIENCE)
        return process

    def start(self, *arguments: str) -> Process | Forked:
        if not self.from_nothing:
            return self.fork(*arguments)
        return self.start_command([sys.executable, "-m", "course", *arguments], arguments[0])

    def start_command(
        self, command: Sequence[str], name: str, settings: Mapping[str, str] | None = None, pass_fds: Sequence[int] = ()
    ) -> Process:
        """Any command in our environment, with `settings` beyond it."""
        process = Process(command, self.environment | dict(settings or {}), self._new_log(name), pass_fds)
        self.processes.append(process)
        return process

    def fork(self, *arguments: str, strike: Strike | None = None) -> Forked:
        """`course …` at once, from a process that has imported everything."""
        process = Forked(arguments, self.environment, self._new_log(arguments[0]), strike)
        self.processes.append(process)
        return process

    def _new_log(self, name: str) -> Path:
        return self.folder / f"{len(self.processes):02d}-{name}.log"

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs `course …` to its end."""
        with TemporaryDirectory() as folder:
            out, complaints = Path(folder) / "out", Path(folder) / "err"
            code = Forked(arguments, self.environment, out, complaints=complaints).wait()
            return subprocess.CompletedProcess(arguments, code, out.read_text(), complaints.read_text())

    def faults(self) -> list[str]:
        """What no log of a process may have, whatever was done to it. An alarm may well name an error of a provider."""
        return [line for process in self.processes for line in FAULT.findall(process.said)]

    def _serving(self, *arguments: str) -> Process | Forked:
        process = self.start(*arguments)
        port = int(arguments[arguments.index("--port") + 1])
        eventually(lambda: self._alive(process) and listens(port), PATIENCE)
        self.get(f"http://127.0.0.1:{port}/")
        self.ready_after = time.monotonic() - process.started
        return process

    def _alive(self, process: Process | Forked) -> Process | Forked:
        if process.poll() is not None:
            raise AssertionError(f"it ended with {process.poll()}:\n{process.said}")
        return process

    # What people do

    def get(self, path: str) -> requests.Response:
        return self._http.get(self._full(path), timeout=PATIENCE)

    def post(self, path: str, body: Mapping[str, str] | None = None) -> requests.Response:
        return self._http.post(self._full(path), data=body or {}, timeout=PATIENCE, allow_redirects=False)

    def sign_up(self, email: str, name: str = "Ann", timezone: str = "") -> requests.Response:
        return self.post("/signups", {"email": email, "name": name, "timezone": timezone})

    def import_lessons(self) -> None:
        """The course that is shipped, as an operator brings it in who does not use `course run`."""
        done = self.command("lessons", "import", str(ROOT / "lessons"))
        assert done.returncode == 0, done.stderr

    def import_readers(self, emails: Sequence[str], timezones: Sequence[str] = ("",)) -> str:
        """What the command said. They get their first lesson at their next opening; the zones go round."""
        file = self.folder / "readers.csv"
        file.write_text(
            "email,name,timezone\n"
            + "".join(f"{one},Ann,{zone}\n" for one, zone in zip(emails, cycle(timezones), strict=False))
        )
        done = self.command("readers", "import", str(file), "--consent", "asked in the flow tests")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _full(self, path: str) -> str:
        return path if path.startswith("http") else self.url + path

    # What is stored

    @property
    def database_url(self) -> str:
        return self.settings.get("database_url") or f"sqlite:///{self.home / 'course.db'}"

    @cached_property
    def database(self) -> Database:
        return Database(self.database_url)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.database.read() as session:
            return [tuple(row) for row in session.connection().exec_driver_sql(sql)]

    def states(self) -> dict[str, int]:
        """How many deliveries are in which state."""
        return {
            str(state): int(count) for state, count in self.query("SELECT state, count(*) FROM delivery GROUP BY 1")
        }

    def course_time(self, machine: datetime | None = None) -> datetime:
        """What day it is for the course, read as any process of it reads it."""
        with self.database.read() as session:
            now = machine or datetime.now(UTC)
            return installing.calendar(session, now).now(now)


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE).close()
    except ConnectionError:
        return False
    return True

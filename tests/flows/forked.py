"""`course …` in processes forked from one that has imported everything, so that hundreds of starts fit into minutes.

Each is the real command in a process of its own. It may be told to strike itself down, by SIGKILL or SIGSTOP, at a
named point of the sender: a moment between two transactions that no signal from outside would hit.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path

from course import assembly, cli
from course.worker.sender import Sender

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds; a machine may be busy with other things
POINTS = ("marked", "posting", "answered", "recorded", "taken", "asked", "settled")


@dataclass(frozen=True, slots=True)
class Strike:
    """At the `nth` time that the sender comes to this point."""

    point: str
    nth: int
    by: signal.Signals


class Forked:
    """One `course …` until it is told to end, as `site.Process`. What it says goes to a file; what it complains about,
    to another one if that is named."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        strike: Strike | None = None,
        complaints: Path | None = None,
    ):
        self.log = log
        self.log.touch()
        self.strike = strike
        self.started = time.monotonic()
        self._process = _start(_course, arguments, dict(environment), log, complaints or log, strike)

    @property
    def said(self) -> str:
        return self.log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        assert self._process.pid
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def down(self) -> bool:
        """It is dead or frozen."""
        return self.poll() is not None or self.frozen()

    def frozen(self) -> bool:
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        except OSError:  # it is gone
            return False

    def send(self, by: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            if self.poll() is None:
                os.kill(self.pid, by)

    def end(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code. One that does not end is killed, and its code tells."""
        self.send(by)
        return self.wait()

    def wait(self) -> int:
        self._process.join(PATIENCE)
        if self.poll() is None:
            self.kill()
        code = self.poll()
        assert code is not None
        return code

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self._process.join()


def _start(target: object, *arguments: object) -> BaseProcess:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", __name__])
    process = context.Process(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
    process.start()
    return process


def _course(
    arguments: Sequence[str], environment: dict[str, str], log: Path, complaints: Path, strike: Strike | None
) -> None:
    os.chdir(ROOT)
    for path, number in ((log, 1), (complaints, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if strike:
        assembly.Sender = partial(Sender, point=_striking(strike))  # type: ignore[assignment,misc]
    cli.main(arguments)


def _striking(strike: Strike) -> "partial[None]":
    return partial(_at, strike, count(1))


def _at(strike: Strike, passed: "count[int]", point: str) -> None:
    if point == strike.point and next(passed) == strike.nth:
        os.kill(os.getpid(), strike.by)

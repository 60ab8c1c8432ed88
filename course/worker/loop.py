"""The clock of the worker. What is due stands in the database; a tick that is lost or late loses nothing."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event, Thread

from apscheduler.schedulers.background import BackgroundScheduler

from course.store.db import BUSY_SECONDS, is_busy

log = logging.getLogger(__name__)
Step = Callable[[], bool]
SAID_EVERY = 60.0  # seconds: a step that fails at every tick is told so often
TROUBLE_AFTER = 300.0  # seconds in which a step did nothing but fail
SET_BACK = 1.0  # seconds


class Loop:
    """Runs steps in the background, each in its own thread, until it is stopped. A step that returns True is called
    again at once.

    `wall` and `steady` are clocks in seconds; the second is never set. `tell` is called with a step's name and what is
    wrong when it fails for minutes, again each minute, and with "" when it works: the first time, and from then on
    after each trouble.
    """

    def __init__(
        self, wall: Callable[[], float], steady: Callable[[], float], tell: Callable[[str, str], None] | None = None
    ) -> None:
        # By its defaults APScheduler drops a tick that is over a second late.
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler = BackgroundScheduler(job_defaults=defaults, timezone="UTC")
        self._wall, self._steady, self._tell = wall, steady, tell or (lambda _name, _wrong: None)
        self._stopping = Event()
        self._failing: dict[str, tuple[float, float]] = {}  # since when, and when it was told last
        self._well: set[str] = set()
        self._ahead = 0.0
        self._watch = Thread(target=self._mind_the_clock, name="clock", daemon=True)
        logging.getLogger("apscheduler").setLevel(logging.ERROR)

    def every(self, seconds: float, step: Step, name: str) -> None:
        self._scheduler.add_job(lambda: self._run(step, name), "interval", seconds=seconds, id=name)

    def start(self) -> None:
        self._ahead, _ = self._compared()
        self._scheduler.start()
        self._watch.start()

    def stop(self) -> None:
        """Finishes the step in hand of every thread; then none is running."""
        self._stopping.set()
        self._scheduler.shutdown(wait=True)
        self._watch.join()

    def _run(self, step: Step, name: str) -> None:
        try:
            while not self._stopping.is_set() and step():
                pass
        except Exception as error:
            # A full disk, a database that is away: nothing was lost, the next tick tries again.
            self._failed(name, error)
        else:
            self._went_well(name)

    def _failed(self, name: str, error: Exception) -> None:
        now = self._steady()
        since, said = self._failing.get(name, (now, now - SAID_EVERY))
        if now - said < SAID_EVERY:
            return
        self._failing[name] = since, now
        self._well.discard(name)
        if is_busy(error):
            log.warning("the step %r waited %d s for the database in vain, and tries again", name, BUSY_SECONDS)
        else:
            log.exception("the step %r failed", name, exc_info=error)
        if now - since >= TROUBLE_AFTER:
            first, *_ = str(error).splitlines() or [""]  # the others are statements and details
            self._say(name, f"{type(error).__name__}: {first}")

    def _went_well(self, name: str) -> None:
        if self._failing.pop(name, None):
            log.warning("the step %r works again", name)
        if name not in self._well and self._say(name, ""):
            self._well.add(name)

    def _say(self, name: str, wrong: str) -> bool:
        try:
            self._tell(name, wrong)
        except Exception:
            log.exception("trouble with the step %r cannot be told", name)
            return False
        return True

    def _mind_the_clock(self) -> None:
        """APScheduler plans by the wall clock: set back by an hour, that would be an hour without a tick."""
        while not self._stopping.wait(SET_BACK):
            before, (self._ahead, most) = self._ahead, self._compared()
            if most < before - SET_BACK:
                log.warning("the clock was set back by %.0f s", before - most)
                for job in self._scheduler.get_jobs():
                    job.modify(next_run_time=datetime.fromtimestamp(self._wall(), UTC))

    def _compared(self) -> tuple[float, float]:
        """By how many seconds the wall clock is ahead of the steady one, at least and at most: on a busy machine time
        goes by between two looks."""
        before, wall, after = self._steady(), self._wall(), self._steady()
        return wall - after, wall - before

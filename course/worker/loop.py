"""The clock of the worker. What is due stands in the database; a tick that is lost or late loses nothing."""

import logging
from collections.abc import Callable
from threading import Event

from apscheduler.schedulers.background import BackgroundScheduler

from course.store.db import BUSY_SECONDS, is_busy

log = logging.getLogger(__name__)
Step = Callable[[], bool]


class Loop:
    """Runs steps in the background, each in its own thread, until it is stopped. A step that returns True is called
    again at once."""

    def __init__(self) -> None:
        # By its defaults APScheduler drops a tick that is over a second late.
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler = BackgroundScheduler(job_defaults=defaults, timezone="UTC")
        self._stopping = Event()
        logging.getLogger("apscheduler").setLevel(logging.ERROR)

    def every(self, seconds: float, step: Step, name: str) -> None:
        self._scheduler.add_job(lambda: self._run(step, name), "interval", seconds=seconds, id=name)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """Finishes the step in hand of every thread; then none is running."""
        self._stopping.set()
        self._scheduler.shutdown(wait=True)

    def _run(self, step: Step, name: str) -> None:
        try:
            while not self._stopping.is_set() and step():
                pass
        except Exception as error:
            # A full disk, a database that is away: nothing was lost, the next tick tries again.
            if is_busy(error):
                log.warning("the step %r waited %d s for the database in vain, and tries again", name, BUSY_SECONDS)
            else:
                log.exception("the step %r failed", name)

"""How late a lesson is: 100,000 readers due over one hour, the worker running as it always does."""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from course.store.db import Database
from tests.bench import seed
from tests.fake_provider import ledger
from tests.fake_provider.client import ROOT, FakeProvider

READERS, HOUR = 100_000, 3600
READY = 30  # seconds for the worker to start before the first reader is due


def measure(folder: Path, options: argparse.Namespace) -> None:
    """`course worker` in a process of its own, the true clock. All readers are there; the measurement ends after some
    of the hour, which looks the same all through."""
    seconds = HOUR if options.hour else max(120, int(options.seconds))
    with FakeProvider(folder / "fake", options=("--latency", "0.05", "--for", str(seconds + 3000))) as fake:
        environment = _environment(folder, fake.url)
        _make_course(folder, environment)
        begin = datetime.now(UTC) + timedelta(seconds=READY)
        database = Database(f"sqlite:///{folder}/home/course.db")
        every = timedelta(seconds=HOUR) / READERS
        zones = [_zone_of_the_morning(begin)]
        seed.fill(database, READERS, 0, due_at=lambda number: begin + every * number, zones=zones)
        database.close()
        worker = subprocess.Popen(_course("worker"), cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        try:
            time.sleep(max(0.0, (begin - datetime.now(UTC)).total_seconds()) + seconds + 10)
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(60)
        accepted = {int(_digits(entry.to)): entry.at for entry in ledger.read(fake.ledger)}
    due = [begin.timestamp() + number * HOUR / READERS for number in range(int(seconds * READERS / HOUR))]
    late = sorted(accepted.get(number, float("inf")) - at for number, at in enumerate(due))
    print(f"{READERS:,} readers due over one hour, SQLite, {seconds} s of it: {len(late):,} lessons")
    print(f"  late by: p50 {late[len(late) // 2]:.2f} s, p99 {late[len(late) * 99 // 100]:.2f} s", end="")
    print(f", at most {late[-1]:.2f} s; early: {sum(one < 0 for one in late)}   (bar p99 5 s, goal 1 s)")


def _environment(folder: Path, url: str) -> dict[str, str]:
    postmark = {"COURSE_PROVIDER": "postmark", "COURSE_PROVIDER_KEY": "key", "COURSE_PROVIDER_URL": url}
    home = {"COURSE_HOME": str(folder / "home"), "XDG_STATE_HOME": str(folder / "state"), "COURSE_LOG_LEVEL": "error"}
    return os.environ | postmark | home | {"COURSE_FROM": "coach@course.test"}


def _make_course(folder: Path, environment: dict[str, str]) -> None:
    files = seed.letter_course()
    lessons = folder / "lessons" / files.slug
    lessons.mkdir(parents=True)
    for name, content in {"course.toml": files.course, **files.lessons}.items():
        (lessons / name).write_text(content)
    command = _course("lessons", "import", str(lessons.parent))
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)


def _course(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "course", *arguments]


def _zone_of_the_morning(now: datetime) -> str:
    """Where it is about ten, so that lessons may leave for hours to come."""
    east = (10 - now.hour + 12) % 24 - 12
    return f"Etc/GMT{-east:+d}"  # its signs are turned round


def _digits(address: str) -> str:
    return re.sub(r"\D", "", address)

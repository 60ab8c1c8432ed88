"""Peak memory of a worker that drains 100,000 lessons."""

import argparse
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from course import serving
from course.assembly import LESSON_THREADS
from tests.bench import seed
from tests.fake_provider.client import ROOT, FakeProvider

LESSONS = 100_000


def measure(folder: Path, options: argparse.Namespace) -> None:
    with FakeProvider(folder / "fake", options=("--blind", "--latency", "0.05", "--for", "3000")) as fake:
        with seed.world(f"sqlite:///{folder}/course.db", folder, fake.url) as world:
            seed.fill(world.database, LESSONS, LESSONS)
        code = f"from tests.bench.memory import drain; drain({str(folder)!r}, {fake.url!r})"
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def drain(folder: str, url: str) -> None:
    """In a process of its own: sends everything and says what it took."""
    serving.give_memory_back()  # as every worker does
    samples: list[int] = []
    with seed.world(f"sqlite:///{folder}/course.db", Path(folder), url) as world:
        world.sender = world.new_sender(checks_window=False)
        began = time.perf_counter()

        def run(_: int) -> None:
            while world.sender.step("lesson"):
                samples.append(_rss())

        with ThreadPoolExecutor(LESSON_THREADS) as pool:
            list(pool.map(run, range(LESSON_THREADS)))
        took = time.perf_counter() - began
    quarter = len(samples) // 4
    print(f"draining {LESSONS:,} lessons: {LESSONS / took:,.0f}/s in {LESSON_THREADS} threads")
    print(f"  peak {max(samples) // 1024} MB; first quarter {max(samples[:quarter]) // 1024} MB", end="")
    print(f", last quarter {max(samples[-quarter:]) // 1024} MB   (bar 150 MB, goal 100 MB)")


def _rss() -> int:
    """Resident memory of this process, KB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024

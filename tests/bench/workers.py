"""PostgreSQL: some worker processes on one database; in batches, and with one call per message."""

import argparse
import itertools
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from course.actions.sending import GROUP
from course.assembly import LESSON_THREADS
from tests import postgres
from tests.bench import seed
from tests.bench.single import Single
from tests.fake_provider.client import ROOT, FakeProvider

BATCHES, SINGLES = 100_000, 6_000  # lessons that are due


def measure(folder: Path, options: argparse.Namespace) -> None:
    binaries = postgres.find()
    if binaries is None:
        print("workers: PostgreSQL is not installed (Debian: apt-get install postgresql)")
        return
    with postgres.running(binaries) as cluster:
        for lessons, counts, way in ((BATCHES, (1, 2, 4), "batches of 500"), (SINGLES, (1, 2), "one call per message")):
            print(f"PostgreSQL, {lessons:,} due, {way}, {LESSON_THREADS} threads a process")
            first = 0.0
            for count in counts:
                single = lessons == SINGLES
                name = f"bench{lessons}_{count}"
                rate, twice = drained(cluster.create(name), folder / name, count, lessons, single=single)
                first = first or rate
                print(f"  {count} worker processes: {rate:8,.0f}/s   {rate / first:.2f} of one   sent twice: {twice}")
    print("  (bar: batches never below one; two with single calls at least 1.4 of one)")


def drained(url: str, folder: Path, count: int, lessons: int, *, single: bool) -> tuple[float, int]:
    """Lessons a second, and how many the provider took twice."""
    with FakeProvider(folder, options=("--blind", "--latency", "0.05", "--for", "3000")) as fake:
        with seed.world(url, folder, fake.url) as world:
            # A first batch of each goes before the clock runs: statements are compiled once in a process.
            due = lessons + count * max(1 if single else world.provider.batch_size, GROUP)
            seed.fill(world.database, due, due)
        code = f"from tests.bench.workers import drain; drain({url!r}, {str(folder)!r}, {fake.url!r}"
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", f"{code}, {n}, single={single})"],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stdin=subprocess.PIPE,
            )
            for n in range(count)
        ]
        for process in processes:
            assert process.stdout
            process.stdout.readline()  # it is ready
        began = time.perf_counter()
        for process in processes:
            assert process.stdin
            process.stdin.write(b"go\n")
            process.stdin.flush()
        for process in processes:
            process.communicate()
        took = time.perf_counter() - began
        calls = map(json.loads, fake.ledger.read_text().splitlines())
        ids = [send_id for call in calls for send_id in call["send_ids"]]
    assert len(set(ids)) == due, len(set(ids))
    return lessons / took, len(ids) - len(set(ids))


def drain(url: str, folder: str, provider_url: str, number: int, *, single: bool) -> None:
    """One worker process: waits for the word, sends until nothing is due."""
    with seed.world(url, Path(folder), provider_url) as world:
        ids = itertools.count(1)
        provider = Single("key", settle=world.provider.settle, base_url=provider_url) if single else None  # type: ignore[arg-type]
        world.sender = world.new_sender(
            provider=provider or world.provider,
            checks_window=False,
            new_call_id=lambda: f"{number}{next(ids):031x}",
        )
        world.sender.step("lesson")
        print("ready", flush=True)
        sys.stdin.readline()

        def run(_: int) -> None:
            while world.sender.step("lesson"):
                pass

        with ThreadPoolExecutor(LESSON_THREADS) as pool:
            list(pool.map(run, range(LESSON_THREADS)))

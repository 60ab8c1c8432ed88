"""PostgreSQL: 1, 2 and 4 worker processes on one database, batch path."""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from tests import postgres
from tests.bench import seed
from tests.fake_provider.client import ROOT, FakeProvider

LESSONS = 40_000


def measure(folder: Path, options: argparse.Namespace) -> None:
    binaries = postgres.find()
    if binaries is None:
        print("workers: PostgreSQL is not installed (Debian: apt-get install postgresql)")
        return
    print(f"PostgreSQL, {LESSONS:,} due, batches of 500")
    with postgres.running(binaries) as cluster:
        first = 0.0
        for count in (1, 2, 4):
            rate, twice = drained(cluster.create(f"bench{count}"), folder / str(count), count)
            first = first or rate
            print(f"  {count} worker processes: {rate:8,.0f}/s   {rate / first:.2f} of one   sent twice: {twice}")


def drained(url: str, folder: Path, count: int) -> tuple[float, int]:
    """Lessons a second, and how many the provider took twice."""
    with FakeProvider(folder, options=("--latency", "0.05", "--for", "3000")) as fake:
        with seed.world(url, folder, fake.url) as world:
            seed.fill(world.database, LESSONS, LESSONS)
        code = f"from tests.bench.workers import drain; drain({url!r}, {str(folder)!r}, {fake.url!r}"
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", f"{code}, {n})"], cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE
            )
            for n in range(count)
        ]
        for process in processes:
            assert process.stdout
            process.stdout.readline()  # it is ready
        began = time.perf_counter()
        for process in processes:
            process.communicate(b"go\n")
        took = time.perf_counter() - began
        ids = [json.loads(line)["send_id"] for line in fake.ledger.read_text().splitlines()]
    assert len(set(ids)) == LESSONS, len(set(ids))
    return LESSONS / took, len(ids) - len(set(ids))


def drain(url: str, folder: str, provider_url: str, number: int) -> None:
    """One worker process: waits for the word, sends until nothing is due."""
    with seed.world(url, Path(folder), provider_url) as world:
        import itertools

        ids = itertools.count(1)
        world.sender = world.new_sender(checks_window=False, new_call_id=lambda: f"{number}{next(ids):031x}")
        print("ready", flush=True)
        sys.stdin.readline()
        while world.sender.step("lesson"):
            pass

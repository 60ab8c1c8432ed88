"""A tick with 100 due, in databases of very different size."""

import argparse
import shutil
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from course.actions import marking
from tests import postgres
from tests.bench import seed
from tests.factories import START

SIZES = (10_000, 1_000_000, 10_000_000)
TICKS = 15
BYTES = 1_200  # on disk for a reader on PostgreSQL, with room for its log


def measure(folder: Path, options: argparse.Namespace) -> None:
    print("a tick with 100 due (mark alone, rolled back), SQLite")
    _compare(_sizes(options.readers), folder, lambda size: f"sqlite:///{folder}/{size}.db")


def measure_on_postgresql(folder: Path, options: argparse.Namespace) -> None:
    """To ten times the readers of the other parts."""
    binaries = postgres.find()
    if binaries is None:
        print("tick: PostgreSQL is not installed (Debian: apt-get install postgresql)")
        return
    room = shutil.disk_usage(folder).free // BYTES
    print("a tick with 100 due (mark alone, rolled back), PostgreSQL")
    with postgres.running(binaries) as cluster:
        _compare(_sizes(min(10 * options.readers, room)), folder, lambda size: cluster.create(f"tick{size}"))


def _sizes(most: int) -> list[int]:
    return sorted({min(size, most) for size in SIZES})


def _compare(sizes: list[int], folder: Path, new_database: Callable[[int], str]) -> None:
    medians = []
    for size in sizes:
        with seed.world(new_database(size), folder, "http://127.0.0.1:9") as world:
            began = time.perf_counter()
            seed.fill(world.database, size, 100)
            filling = time.perf_counter() - began
            world.sender = world.new_sender(checks_window=False)
            times = [one_tick(world) for _ in range(TICKS)]
        medians.append(statistics.median(times[3:]))
        print(f"  {size:10,} enrollments: {medians[-1] * 1000:7.1f} ms   ratio {medians[-1] / medians[0]:.2f}", end="")
        print(f"   (filled in {filling:.0f} s)")
    print("  (bar 1.5, goal 1.1)")


class _Undo(Exception):
    """Rolls the mark back, so that the next tick finds the same."""


def one_tick(world) -> float:  # type: ignore[no-untyped-def]
    world.go_to(START + timedelta(seconds=1))
    began = time.perf_counter()
    try:
        with world.database.write() as session:
            batch = marking.mark(world.sender.sending, session, "lesson", world.now())
            assert batch is not None
            assert len(batch.members) == 100
            raise _Undo
    except _Undo:
        return time.perf_counter() - began

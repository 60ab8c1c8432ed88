"""A tick with 100 due, in databases of very different size."""

import argparse
import statistics
import time
from datetime import timedelta
from pathlib import Path

from course.actions import marking
from tests.bench import seed
from tests.factories import START

SIZES = (10_000, 1_000_000)
TICKS = 15


def measure(folder: Path, options: argparse.Namespace) -> None:
    print("a tick with 100 due (mark alone, rolled back)")
    medians = []
    for size in sorted({min(size, options.readers) for size in SIZES}):
        with seed.world(f"sqlite:///{folder}/{size}.db", folder, "http://127.0.0.1:9") as world:
            seed.fill(world.database, size, 100)
            world.sender = world.new_sender(checks_window=False)
            times = [one_tick(world) for _ in range(TICKS)]
        medians.append(statistics.median(times[3:]))
        print(f"  {size:10,} enrollments: {medians[-1] * 1000:7.1f} ms   ratio {medians[-1] / medians[0]:.2f}")
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

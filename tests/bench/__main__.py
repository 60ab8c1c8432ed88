"""`make bench`: ratios measured side by side in one run, with the machine and the versions. Never a timed test."""

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from tests.bench import batch, lateness, memory, signups, single, tick, workers

PARTS: dict[str, Callable[[Path, argparse.Namespace], None]] = {
    "batch": batch.measure,
    "single": single.measure,
    "tick": tick.measure,
    "tick-postgres": tick.measure_on_postgresql,
    "lateness": lateness.measure,
    "memory": memory.measure,
    "signups": signups.measure,
    "workers": workers.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}; all if left away")
    parser.add_argument("--readers", type=int, default=1_000_000, help="enrollments in the large databases")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each side is measured, about")
    parser.add_argument("--hour", action="store_true", help="lateness: the whole hour, not two minutes of it")
    options = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}", end=", ")
    print(f"SQLite {sqlite3.sqlite_version}, SQLAlchemy {version('sqlalchemy')}, load {os.getloadavg()[0]:.1f}")
    for part in options.parts or PARTS:
        if part not in PARTS:
            sys.exit(f"there is no part {part!r}, but there are {', '.join(PARTS)}")
        with tempfile.TemporaryDirectory(prefix="bench") as folder:
            PARTS[part](Path(folder), options)


main()

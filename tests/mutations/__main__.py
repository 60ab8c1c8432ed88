"""The mutation check: takes each guard away in a copy of the tree and shows which test notices.

`python -m tests.mutations` prints a table; `python -m tests.mutations fence window` tries the guards with one of these
words in their names. The exit code is 1 if a guard's loss is noticed by none, or if something else went wrong.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from queue import SimpleQueue

from tests.mutations.guards import GUARDS, SIMULATION, Guard

ROOT = Path(__file__).parent.parent.parent
PARTS = ("course", "tests", "templates", "lessons", "pyproject.toml")
WORKERS = 2
SECONDS = 300  # for one guard; whoever hangs has noticed nothing
SEEDS = "1..200"
STAMPS = count(1_000_000_000)
NOTICED = re.compile(r"^(?:FAILED (?:tests/)?(?P<test>\S+)|(?P<seed>seed \d+: .*?)(?: at turn|$))", re.MULTILINE)


@dataclass(frozen=True)
class Verdict:
    guard: Guard
    where: str
    noticed: str  # which test failed; "" for none
    seconds: float
    output: str


def place(guard: Guard, root: Path = ROOT) -> int:
    """The line of a guard. ValueError if it does not stand in its file exactly once."""
    source = (root / guard.file).read_text()
    if source.count(guard.old) != 1:
        raise ValueError(f"{guard.name!r} stands in {guard.file} {source.count(guard.old)} times: {guard.old!r}")
    return source[: source.index(guard.old)].count("\n") + 1


def copy_tree(folder: Path) -> Path:
    """Everything that the tests need, without what they leave behind."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part)
    return folder


def run(root: Path, killers: str, *, postgresql: bool = False) -> tuple[int, str]:
    """The exit code and what was printed."""
    if killers == SIMULATION:
        command = ["-m", "tests.simulation.simulate", "--seeds", SEEDS, "--first"]
    else:
        marked = ["-m", "not long"] if postgresql else ["-m", "not long and not postgres"]
        command = ["-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", *marked, *killers.split()]
    try:
        done = subprocess.run(
            [sys.executable, *command], cwd=root, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return 0, f"it took longer than {SECONDS} s"
    return done.returncode, done.stdout + done.stderr


def verdict(guard: Guard, root: Path) -> Verdict:
    """Takes the guard away, looks who notices, and puts it back."""
    began, line = time.monotonic(), place(guard, root)
    file = root / guard.file
    source = file.read_text()
    write(file, source.replace(guard.old, guard.new))
    try:
        code, output = run(root, guard.killers, postgresql=guard.postgresql)
    finally:
        write(file, source)
    found = NOTICED.search(output)
    noticed = (found["test"] or found["seed"]) if code == 1 and found else ""
    return Verdict(guard, f"{guard.file}:{line}", noticed, time.monotonic() - began, output)


def write(file: Path, source: str) -> None:
    """With a time of its own: Python takes its byte code for fresh if a file is as old and as long as before."""
    file.write_text(source)
    os.utime(file, (stamp := next(STAMPS), stamp))


def check(guards: tuple[Guard, ...]) -> list[Verdict]:
    """Each guard in turn, two at once, each in a copy of its own."""
    with tempfile.TemporaryDirectory(prefix="mutations") as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(WORKERS):
            copies.put(copy_tree(Path(folder) / str(number)))
        sound(copies, guards)

        def one(guard: Guard) -> Verdict:
            root = copies.get()
            try:
                found = verdict(guard, root)
            finally:
                copies.put(root)
            print(row(found), flush=True)
            return found

        with ThreadPoolExecutor(WORKERS) as pool:
            return list(pool.map(one, guards))


def sound(copies: "SimpleQueue[Path]", guards: tuple[Guard, ...]) -> None:
    """With all guards in their places every one of these tests passes: else their failing would prove nothing."""
    root = copies.get()
    tests = sorted({guard.killers.split(" -k ")[0] for guard in guards if guard.killers != SIMULATION})
    code, output = (
        run(root, " ".join(tests), postgresql=any(guard.postgresql for guard in guards)) if tests else (0, "")
    )
    copies.put(root)
    if code:
        sys.exit(f"these tests fail though no guard is missing:\n{output}")


def row(one: Verdict) -> str:
    return f"{one.guard.name:52} {one.where:46} {one.noticed or 'NOBODY NOTICED':90.90} {one.seconds:5.1f} s"


def main(words: list[str]) -> int:
    guards = tuple(guard for guard in GUARDS if not words or any(word in guard.name for word in words))
    for guard in GUARDS:
        place(guard)  # all of them, before the first is tried
    began = time.monotonic()
    found = check(guards)
    missed = [one for one in found if not one.noticed]
    for one in missed:
        print(f"\n{one.guard.name}: {one.guard.killers}\n{one.output[-3000:]}")
    print(f"\n{len(found)} guards, {len(missed)} that nobody would miss, {time.monotonic() - began:.0f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

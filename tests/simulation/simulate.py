"""Runs seeds. `python -m tests.simulation.simulate SEED` tells one story; `--seeds A..B` prints a table of many."""

import argparse
import logging
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation import oracle
from tests.simulation.reading import Violation
from tests.simulation.world import World

MEMORY = Path("/dev/shm")  # journals are files; a disk would be slower and prove nothing more
HISTORY = 40  # lines before the violation


@dataclass
class Result:
    """What became of one seed."""

    seed: int
    violations: list[Violation] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def text(self) -> str:
        """The seed, the first violations and what led to them: the same story, told again."""
        history: list[tuple[int, str]] = []
        simulate(self.seed, tell=lambda turn, line: history.append((turn, line)))
        lines = [f"seed {self.seed}: {one.rule} at turn {one.turn}: {one.text}" for one in self.violations[:5]]
        shown = [line for turn, line in history if turn <= self.violations[0].turn][-HISTORY:]
        return "\n".join([*lines, "", *shown, "", f"replay: python -m tests.simulation.simulate {self.seed}"])


def simulate(seed: int, *, tell: Callable[[int, str], None] | None = None) -> Result:
    """One seed: 90 virtual days with faults, and as long without as it takes to come to rest."""
    folder = Path(tempfile.mkdtemp(prefix="journal", dir=MEMORY if MEMORY.is_dir() else None))
    began = time.process_time()
    log, level = logging.getLogger("course"), logging.getLogger("course").level
    log.setLevel(logging.CRITICAL)  # adapters that stumble are part of the story
    try:
        world = World(seed, folder, tell=tell)
        try:
            world.live()
        except Exception as error:
            world.misfit("raised", _raised(error))
        violations = oracle.violations(world.run)
        result = Result(seed, violations, _counts(world, violations))
        result.counts["ms"] = round(1000 * (time.process_time() - began))
        return result
    finally:
        log.setLevel(level)
        shutil.rmtree(folder)


def _raised(error: Exception) -> str:
    where = [frame for frame in traceback.extract_tb(error.__traceback__) if "/course/" in frame.filename]
    place = f"{where[-1].name}:{where[-1].lineno}" if where else "".join(traceback.format_exception(error))
    return f"{type(error).__name__} in {place}: {error}"


def _counts(world: World, violations: Iterable[Violation]) -> Counter[str]:
    rows = world.run.last.deliveries
    held = [n for n in world.counts.unknown if n in rows and rows[n].state == "unknown"]
    rules = Counter(violation.rule for violation in violations)
    return Counter(
        {
            "steps": world.counts.steps,
            "crashes": world.counts.crashes,
            "freezes": world.counts.freezes,
            "accepted": len(world.run.ledger),
            "duplicates": rules["I1 duplicate"],
            "losses": sum(n for rule, n in rules.items() if rule.startswith("I3")),
            "unknown resolved": len(world.counts.unknown) - len(held),
            "held": len(held),
        }
    )


COLUMNS = ("steps", "crashes", "freezes", "accepted", "duplicates", "losses", "unknown resolved", "held")


def many(seeds: range, jobs: int, *, first: bool = False) -> int:
    """Prints the table; the exit code is 1 if any seed failed. `first`: the first one that fails is the last."""
    total: Counter[str] = Counter()
    failed = []
    for result in _results(seeds, jobs):
        total += result.counts
        if result.violations:
            failed.append(result)
            print(result.text if len(failed) <= 3 else f"seed {result.seed}: {result.violations[0]}", flush=True)
            if first:
                return 1
    print("seeds".rjust(8), *(name.rjust(max(10, len(name))) for name in COLUMNS), "ms/seed".rjust(8))
    cells = (str(total[name]).rjust(max(10, len(name))) for name in COLUMNS)
    print(str(len(seeds)).rjust(8), *cells, f"{total['ms'] / len(seeds):8.0f}")
    print(f"failed: {len(failed)}", Counter(one.violations[0].rule for one in failed) or "")
    return 1 if failed else 0


def _results(seeds: range, jobs: int) -> Iterable[Result]:
    if jobs == 1:
        for seed in seeds:  # not map(): a StopIteration from below would end the table early, without a word
            yield simulate(seed)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(simulate, seeds, chunksize=20)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.simulate", description=__doc__)
    parser.add_argument("seed", nargs="?", type=int)
    parser.add_argument("--seeds", help="A..B, both included")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--first", action="store_true", help="stop at the first seed that fails")
    wanted = parser.parse_args()
    if wanted.seeds:
        first, last = map(int, wanted.seeds.split(".."))
        return many(range(first, last + 1), wanted.jobs, first=wanted.first)
    result = simulate(wanted.seed or 0, tell=lambda turn, line: print(f"{turn:5} {line}"))
    print()
    for violation in result.violations:
        print(*violation)
    print(dict(result.counts))
    return 1 if result.violations else 0


if __name__ == "__main__":
    sys.exit(main())

"""Real crashes on every database with every provider, and the table of what came of them:

    python -m tests.flows.crashes --rounds 200 --seed 1

0 duplicates, 0 losses, every unknown listed; else it exits 1. The seed draws who is struck, how and when; what falls
into that instant is up to the machine, so a seed replays a run only as far as real time allows.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from tests import postgres
from tests.fake_provider.client import FakeProvider
from tests.flows.inbox import Ledger, Maildir
from tests.flows.site import Site
from tests.flows.trial import LESSONS, Tally, Trial

Pair = tuple[str, str]
PAIRS: list[Pair] = [
    ("sqlite", "postmark"),
    ("sqlite", "resend"),
    ("sqlite", "outbox"),
    ("postgresql", "postmark"),
    ("postgresql", "resend"),
    ("postgresql", "smtp"),
]
SMTP_SCRIPT = {"rates": {"ok_then_reset": 0.1, "5xx": 0.1, "429": 0.05}, "accept_delay": 0.2}  # read at its start only
COLUMNS = ("rounds", "crashes", "freezes", "accepted", "duplicates", "losses", "resolved", "held")


def run(
    pairs: Sequence[Pair], rounds: int, seed: int, folder: Path, new_database: Callable[[], str]
) -> dict[Pair, Tally]:
    """All pairs side by side, since most of the time is waiting for leases to end. Each has a round at least, and the
    quick ones have more of them, until there are `rounds` in all."""
    with ExitStack() as stack, ThreadPoolExecutor(len(pairs)) as pool:
        trials = [stack.enter_context(_trial(pair, seed, folder / "-".join(pair), new_database)) for pair in pairs]

        def wanted(trial: Trial) -> bool:
            return trial.tally.rounds == 0 or sum(one.tally.rounds for one in trials) < rounds

        return dict(zip(pairs, pool.map(lambda trial: _tried(trial, wanted), trials), strict=True))


def _tried(trial: Trial, wanted: Callable[[Trial], bool]) -> Tally:
    try:
        trial.go(wanted)
    except AssertionError as error:
        trial.tally.faults.append(f"{error}: {trial.site.states()} {trial.restless()}")
    trial.site.kill()
    if not trial.tally.faults and not trial.at_rest():
        trial.tally.faults.append(f"it was ended before its time: {trial.site.states()}")
    judge(trial)
    return trial.tally


@contextmanager
def _trial(pair: Pair, seed: int, folder: Path, new_database: Callable[[], str]) -> Iterator[Trial]:
    database, provider = pair
    rng = random.Random(f"{seed} {pair}")
    settings = {"provider": provider} | ({"database_url": new_database()} if database == "postgresql" else {})
    with ExitStack() as stack:
        if provider == "outbox":
            site = stack.enter_context(Site(folder, settings))
            files = Maildir(site)
            yield Trial(site, files, lambda: len(files.files()), rng)
            return
        smtp = provider == "smtp"
        script, options = (SMTP_SCRIPT if smtp else {}), ("--latency", "0.1", "--for", "86400")
        fake = stack.enter_context(FakeProvider(folder / "provider", script, smtp, options))
        key = {} if smtp else {"provider_key": "k"}
        site = stack.enter_context(Site(folder, settings | key | {"provider_url": fake.url}))
        yield Trial(site, Ledger(fake), lambda: fake.ledger.stat().st_size, rng, fake)


def judge(trial: Trial) -> None:
    """By what the provider took, never by what the engine believes."""
    tally, mails, unknown = trial.tally, trial.inbox.mails(), trial.unknown()
    taken = {mail.send_id: mail.to for mail in mails}
    tally.accepted, tally.duplicates = len(taken), len(mails) - len(taken)
    tally.held, tally.resolved = len(unknown), len(trial.in_doubt - unknown.keys())
    had, waits = Counter(taken.values()), set(unknown.values())
    tally.losses = sum(1 + LESSONS - had[reader] for reader in trial.readers if reader not in waits)
    tally.losses += max(0, trial.site.states().get("accepted", 0) - len(taken))
    listed = trial.site.command("deliveries", "list").stdout.splitlines()
    numbers = {int(line.partition(":")[0]) for line in listed if line[:1].isdigit() and ":" in line}
    tally.faults += [f"delivery {row} is unknown and not listed" for row in unknown.keys() - numbers]
    tally.faults += trial.site.faults()


def table(tallies: dict[Pair, Tally]) -> str:
    total = {column: sum(getattr(tally, column) for tally in tallies.values()) for column in COLUMNS}
    head = ["database", "provider", *COLUMNS[:-2], "unknown resolved", "unknown held"]
    rows = [[*pair, *(f"{getattr(tally, column):,}" for column in COLUMNS)] for pair, tally in tallies.items()]
    rows.append(["all", "", *(f"{number:,}" for number in total.values())])
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def wrong(tallies: dict[Pair, Tally]) -> list[str]:
    """Nothing, if every promise was kept once."""
    found = []
    for pair, tally in tallies.items():
        counts = [f"{tally.duplicates} duplicates"] * bool(tally.duplicates) + [f"{tally.losses} losses"] * bool(
            tally.losses
        )
        found += [f"{' '.join(pair)}: {fault}" for fault in [*counts, *tally.faults]]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.flows.crashes")
    parser.add_argument("--rounds", type=int, default=200, help="in all; one with nothing in flight does not count")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    binaries = postgres.find()
    if binaries is None:
        sys.exit("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with tempfile.TemporaryDirectory(prefix="crashes") as folder, postgres.running(binaries) as cluster:
        numbers = count()
        tallies = run(
            PAIRS, options.rounds, options.seed, Path(folder), lambda: cluster.create(f"crashes{next(numbers)}")
        )
    print(table(tallies))
    if faults := wrong(tallies):
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main()

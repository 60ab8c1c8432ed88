"""One call per message through `requests`: the worker against a bare loop at the same concurrency."""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

from course.actions.sending import GROUP
from course.mail.postmark import Postmark
from tests.bench import batch, seed
from tests.fake_provider.client import FakeProvider


class Single(Postmark):
    """Postmark, one message a call."""

    batch_size: ClassVar[int] = 1


def measure(folder: Path, options: argparse.Namespace) -> None:
    lessons = 6_000
    with (
        FakeProvider(folder / "fake", options=("--blind", "--latency", "0.05", "--for", "3000")) as fake,
        seed.world(f"sqlite:///{folder}/course.db", folder, fake.url) as world,
    ):
        seed.fill(world.database, 50_000, lessons * 3)
        world.provider = Single("key", settle=world.provider.settle, base_url=fake.url)  # type: ignore[arg-type]
        world.sender = world.new_sender(provider=world.provider, checks_window=False)
        body = batch_body(world)
        rates = [(bare(world, body, 2_000), worker(world, 2_000)) for _ in range(3)]
    print(f"one call per message, {GROUP} at once, SQLite")
    for top, rate in rates:
        print(f"  bare loop {top:8,.0f}/s   worker {rate:8,.0f}/s   ratio {rate / top:.2f}")
    print(f"  median ratio {sorted(r / t for t, r in rates)[1]:.2f}   (bar 0.85, goal 0.95)")


def batch_body(world: object) -> bytes:
    return b"[" + b"{}" + b" " * 15_000 + b"]"


def bare(world, body: bytes, messages: int) -> float:  # type: ignore[no-untyped-def]
    began = time.perf_counter()
    with ThreadPoolExecutor(GROUP) as pool:
        list(pool.map(lambda n: world.provider.post(body, f"bare-{n}", 1), range(messages)))
    return messages / (time.perf_counter() - began)


def worker(world, messages: int) -> float:  # type: ignore[no-untyped-def]
    began = time.perf_counter()
    share = messages // GROUP // batch.THREADS

    def run(_: int) -> int:
        return sum(world.sender.step("lesson") for _ in range(share))

    with ThreadPoolExecutor(batch.THREADS) as pool:
        steps = sum(pool.map(run, range(batch.THREADS)))
    return steps * GROUP / (time.perf_counter() - began)

"""Postmark-shaped batches of 500: due to accepted, end to end, against building, dumping and posting alone."""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from course.actions.letters import Place, Recipient
from course.core.letter import Message
from course.store import courses
from tests.bench import seed
from tests.factories import World
from tests.fake_provider.client import FakeProvider

THREADS = 4
SIZE = 500


def measure(folder: Path, options: argparse.Namespace) -> None:
    lessons = 60_000
    with (
        FakeProvider(folder / "fake", options=("--blind", "--latency", "0.05", "--for", "3000")) as fake,
        seed.world(f"sqlite:///{folder}/course.db", folder, fake.url) as world,
    ):
        seed.fill(world.database, options.readers, lessons)
        world.sender.sending = world.sender.sending.__class__(**_unchecked(world))
        warm = ceiling(world, 4)
        rates = [(ceiling(world, 40), ours(world, 20_000)) for _ in range(3)]
    best = sorted(ours / top for top, ours in rates)[1]
    print(f"batches of {SIZE}, {options.readers:,} enrollments, SQLite, one process (warm-up {warm:,.0f}/s)")
    for top, rate in rates:
        print(f"  ceiling {top:8,.0f}/s   due to accepted {rate:8,.0f}/s   ratio {rate / top:.2f}")
    print(f"  median ratio {best:.2f}   (bar 0.45, goal 0.60)")


def _unchecked(world: World) -> dict[str, object]:
    sending = world.sender.sending
    return {name: getattr(sending, name) for name in sending.__dataclass_fields__} | {"checks_window": False}


def ceiling(world: World, batches: int) -> float:
    """Messages a second with no database: the same threads build, dump and post the same bodies."""
    with world.database.read() as session:
        course = world.the_course(session)
        steps = courses.terms_of(session, course.id).at(world.course).steps
        source = courses.revision(session, steps[1].revision).source
    letters = world.letters

    def one(number: int) -> None:
        letter = letters.lesson(course, source)
        messages: list[Message] = []
        for n in range(number * SIZE, (number + 1) * SIZE):
            address = f"runner{n}@runner.test"
            to = Recipient(n, 0, address, address, f"Runner{n}")
            messages.append(letters.lesson_message(letter, course, to, Place(n, 2, 1, 2, 5)))
        world.provider.send(messages, f"ceiling-{number}")

    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(one, range(batches)))
    return batches * SIZE / (time.perf_counter() - began)


def ours(world: World, lessons: int) -> float:
    """Lessons a second through the worker's own steps, until so many were sent."""
    began = time.perf_counter()

    def run(_: int) -> int:
        steps = 0
        while steps < lessons // SIZE // THREADS and world.sender.step("lesson"):
            steps += 1
        return steps

    with ThreadPoolExecutor(THREADS) as pool:
        steps = sum(pool.map(run, range(THREADS)))
    return steps * SIZE / (time.perf_counter() - began)

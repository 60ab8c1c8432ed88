"""The rates that an account may send at, kept by all workers together."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from course.core.caps import Caps
from course.core.outcome import Outcome, Refused
from course.mail.provider import Ready, always
from course.store.db import Database
from course.worker.sender import Sender
from tests.factories import World
from tests.providers import Ledger, accept


@dataclass
class Counting(Ledger):
    """It knows how many messages it took at each instant."""

    world: World | None = None
    taken_at: Counter[object] = field(default_factory=Counter)

    def post(self, body: bytes, key: str, count: int, ready: Ready = always) -> list[Outcome]:
        assert self.world
        self.taken_at[self.world.machine] += count
        return super().post(body, key, count, ready)


@pytest.fixture
def counting(database: Database, tmp_path: Path) -> Iterator[World]:
    provider = Counting()
    world = provider.world = World(database, tmp_path / "outbox", provider)
    yield world
    world.close()


def readers(world: World, count: int) -> None:
    """Whose first lesson is due; their confirmations went long ago."""
    for number in range(count):
        world.enroll(f"r{number}@runner.test")
    while world.sender.step("confirm"):
        pass
    world.go(days=1)
    taken_at(world).clear()


def taken_at(world: World) -> Counter[object]:
    assert isinstance(world.provider, Counting)
    return world.provider.taken_at


def drain(sender: Sender) -> None:
    while sender.step("confirm") or sender.step("lesson"):
        pass


def test_no_second_has_more_than_its_share_whoever_sends(counting: World) -> None:
    readers(counting, 40)
    workers = [counting.new_sender(caps=Caps(per_second=10)) for _ in range(2)]
    seconds = 0
    while sum(taken_at(counting).values()) < 40:
        for worker in workers:
            drain(worker)
        counting.go(seconds=1)
        seconds += 1
    assert [*taken_at(counting).values()] == [9, 9, 9, 9, 4]
    assert seconds == 5


def test_a_confirmation_goes_in_a_second_that_is_full_of_lessons(counting: World) -> None:
    readers(counting, 40)
    worker = counting.new_sender(caps=Caps(per_second=10))
    assert worker.step("lesson")
    assert not worker.step("lesson")
    counting.sign_up("new@runner.test")
    worker.step("confirm")
    assert [*taken_at(counting).values()] == [10]


def test_a_day_that_is_full_goes_on_tomorrow(counting: World) -> None:
    readers(counting, 12)
    worker = counting.new_sender(caps=Caps(per_day=10))
    for _ in range(48):
        drain(worker)
        counting.go(minutes=30)
    days = Counter[object]()
    for at, count in taken_at(counting).items():
        days[at.date()] += count  # type: ignore[attr-defined]
    assert [*days.values()] == [9, 3]


def test_a_new_account_takes_twice_as_many_each_day(counting: World) -> None:
    readers(counting, 30)
    worker = counting.new_sender(caps=Caps(warm_up=4))
    sums = []
    for _ in range(3):
        taken_at(counting).clear()
        drain(worker)
        sums.append(sum(taken_at(counting).values()))
        counting.go_to(counting.machine + timedelta(days=1))
    assert sums == [3, 7, 14]


@pytest.mark.parametrize("caps", [Caps(5, 0, 0), Caps(0, 14, 0)], ids=["a second", "a day"])
def test_a_call_that_is_refused_as_a_whole_is_halved_though_the_cap_is_spent(counting: World, caps: Caps) -> None:
    """Its messages were counted when it was marked. Else the same call would be made again and again."""
    readers(counting, 12)
    provider = counting.provider
    assert isinstance(provider, Counting)
    calls, before = len(provider.calls), len(provider.taken)
    bad: list[str] = []

    def answer(send_ids: list[str]) -> list[Outcome]:
        bad[:] = bad or send_ids[1:2]
        if bad[0] not in send_ids:
            return accept(send_ids)
        return [Refused("no", "call" if len(send_ids) > 1 else "message") for _ in send_ids]

    provider.answer = answer
    sender = counting.new_sender(caps=caps)
    for _ in range(6):
        drain(sender)
        counting.go(seconds=1)
    sender.close()
    assert len(provider.taken) - before == 11
    assert len(provider.calls) - calls == 3 + 4  # calls of four; of one its halves, and of one of these likewise

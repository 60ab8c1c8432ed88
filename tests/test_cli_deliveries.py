"""`course deliveries` and `course vouch`, for whoever looks after the server: what nobody knows, what was refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from course.core.outcome import Accepted, Outcome, Refused, Uncertain
from course.store.db import Database
from course.store.models import Delivery, Installation
from tests.factories import World
from tests.providers import Ledger
from tests.test_cli import course, database, done, home, refused  # noqa: F401 (fixtures)

ANN, BOB, EVE = "ann@runner.test", "bob@runner.test", "eve@runner.test"


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Iterator[World]:  # noqa: F811
    """Ann's first lesson is unknown, Bob's was refused, and Eve has hers."""

    def answer(send_ids: list[str]) -> list[Outcome]:
        return [Uncertain("no answer"), Refused("too big", "message"), Accepted()][: len(send_ids)]

    made = World(database, tmp_path / "outbox", Ledger())
    for address in (ANN, BOB, EVE):
        made.enroll(address)
    while made.sender.step("confirm"):
        pass
    made.provider.answer = answer  # type: ignore[attr-defined]
    assert made.sender.step("lesson")
    yield made
    made.close()


def lessons(world: World, address: str) -> list[str]:
    """The states of this reader's first lesson, one for each copy."""
    place = (ANN, BOB, EVE).index(address) + 1
    query = select(Delivery.state).where(Delivery.enrollment_id == place, Delivery.number == 1).order_by(Delivery.id)
    with world.database.read() as session:
        return list(session.scalars(query))


def number_of(address: str) -> str:
    [line] = [line for line in done("deliveries", "list").splitlines() if address in line]
    return line.partition(":")[0]


def test_what_needs_somebody_is_listed_with_its_reason(world: World) -> None:
    first, second, last = done("deliveries", "list").splitlines()
    assert first.endswith(f": lesson 1 to {ANN}, 2026-11-23 15:00 UTC: unknown. no answer")
    assert second.endswith(f": lesson 1 to {BOB}, 2026-11-23 15:00 UTC: refused. too big")
    assert last == "2 need somebody."


def test_what_arrived_after_all_is_settled_and_the_course_goes_on(world: World) -> None:
    assert world.enrollment(1).due_at is None
    done("deliveries", "arrived", number_of(ANN))
    assert lessons(world, ANN) == ["accepted"]
    assert world.enrollment(1).due_at is not None


def test_another_copy_goes_on_somebodys_word(world: World) -> None:
    done("deliveries", "again", number_of(ANN))
    assert lessons(world, ANN) == ["cancelled", "queued"]
    assert done("deliveries", "list").endswith("1 need somebody.\n")


@pytest.mark.parametrize("command", ["arrived", "again"])
def test_only_what_is_unknown_can_be_decided(world: World, command: str) -> None:
    bob = number_of(BOB)
    assert refused("deliveries", command, bob) == f"There is no delivery {bob} that is unknown.\n"
    assert refused("deliveries", command, "4711") == "There is no delivery 4711 that is unknown.\n"
    assert (lessons(world, ANN), lessons(world, BOB)) == (["unknown"], ["refused"])


@pytest.mark.parametrize("named", [True, False])
def test_what_was_refused_goes_again(world: World, named: bool) -> None:
    numbers = [number_of(BOB), number_of(ANN)] if named else []
    assert done("deliveries", "retry", *numbers) == "1 queued again.\n"
    assert (lessons(world, ANN), lessons(world, BOB), lessons(world, EVE)) == (["unknown"], ["queued"], ["accepted"])
    assert done("deliveries", "retry") == "0 queued again.\n"


def test_a_guard_is_lifted_on_somebodys_word(world: World) -> None:
    world.go(days=4)
    for journal in world.journal.folder.glob("*"):
        journal.unlink()
    assert world.restart()  # on a machine that knows nothing of this database
    assert "This database" in done("alarms") or "No journal" in done("alarms")
    with world.database.read() as session:
        assert session.scalars(select(Installation.guard_at)).one()
    said = done("vouch")
    assert said.startswith("The guard is lifted; ")
    assert said.endswith(" held mails go out.\n")
    with world.database.read() as session:
        assert session.scalars(select(Installation.guard_at)).one() is None
    assert done("alarms") == "No alarm rings.\n"

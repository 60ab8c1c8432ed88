"""From sign-up to the fifth lesson, on virtual clocks."""

import itertools
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from tests.factories import TITLES, World


def test_five_lessons_arrive_in_order_at_the_local_send_hour(world: World) -> None:
    enrollment = world.enroll(timezone="Europe/Berlin")
    went = []
    for _ in range(24 * 16):
        before = len(list(world.outbox.glob("new/*")))
        world.drain()
        if len(list(world.outbox.glob("new/*"))) > before:
            went.append(world.course.astimezone(ZoneInfo("Europe/Berlin")))
        world.go(hours=1)
    assert list(world.lessons()) == [f"About {title}" for title in TITLES]
    assert [at.hour for at in went[1:]] == [7] * 4
    assert [(b.date() - a.date()).days for a, b in itertools.pairwise(went)] == [3, 4, 3, 4]
    assert world.enrollment(enrollment).status == "finished"


def test_nothing_is_sent_twice_however_often_the_worker_ticks(world: World) -> None:
    world.enroll()
    world.drain()
    world.drain()
    assert len(list(world.lessons())) == 1


def test_lesson_one_leaves_at_once_at_any_hour(world: World) -> None:
    world.go_to(datetime(2026, 11, 24, 8, 0, tzinfo=UTC))  # 3 am in New York
    world.enroll()
    world.drain()
    assert list(world.lessons()) == ["About Start"]


def test_after_an_outage_one_lesson_goes_and_the_gap_counts_from_it(world: World) -> None:
    world.enroll()
    world.drain()
    world.go(days=20)
    world.drain()
    assert len(list(world.lessons())) == 2
    world.go(days=2)
    world.drain()
    assert len(list(world.lessons())) == 2


def test_a_late_lesson_waits_for_the_next_opening(world: World) -> None:
    world.enroll()
    world.drain()
    world.go_to(datetime(2026, 11, 27, 3, 0, tzinfo=UTC))  # 10 pm on the 26th in New York: due since 7 am
    world.drain()
    assert len(list(world.lessons())) == 1
    world.go_to(datetime(2026, 11, 27, 12, 0, tzinfo=UTC))
    world.drain()
    assert len(list(world.lessons())) == 2

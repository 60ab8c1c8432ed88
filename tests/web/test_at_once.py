"""Many requests at the same time."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from tests.web.site import Site

THREADS = 20


def at_once(call: Callable[[int], int]) -> Counter[int]:
    """The statuses of so many calls that begin together."""
    barrier = Barrier(THREADS)

    def wait_and_call(number: int) -> int:
        barrier.wait(30)
        return call(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return Counter(pool.map(wait_and_call, range(THREADS)))


def test_many_sign_ups_of_one_address_are_one_subscriber_and_three_mails_at_most(site: Site) -> None:
    def sign_up(number: int) -> int:
        email = "Ann@Runner.test" if number % 2 else "ann@runner.test"
        return site.app.test_client().post("/signups", json={"email": email}).status_code

    site.get("/")
    assert at_once(sign_up) == {202: THREADS}
    assert len(site.rows("subscriber")) == 1
    assert len(site.rows("consent")) == THREADS
    assert 1 <= len(site.rows("delivery")) <= 3
    site.world.drain()
    assert 1 <= len(site.world.mails()) <= 3


def test_many_presses_of_one_button_are_one_enrollment(site: Site) -> None:
    path = site.confirm_url().removeprefix("https://course.example")
    assert at_once(lambda _: site.app.test_client().post(path).status_code) == {200: THREADS}
    assert len(site.rows("enrollment")) == 1
    assert [row.kind for row in site.rows("consent")].count("confirm") == 1
    site.world.drain()
    assert list(site.world.lessons()) == ["About Start"]


def test_leaving_and_coming_back_at_once_ends_in_one_of_the_two(site: Site) -> None:
    enrollment = site.reader()
    token = str(site.lesson()["List-Unsubscribe"]).strip("<>").rsplit("/", 1)[1]
    doors = ("unsubscriptions", "returns")
    statuses = at_once(lambda n: site.app.test_client().post(f"/{doors[n % 2]}/{token}").status_code)
    assert statuses == {200: THREADS}
    found = site.world.enrollment(enrollment)
    assert found.status in {"left", "active"}
    assert (found.due_at is None) == (found.status == "left")
    kinds = [row.kind for row in site.rows("consent")]
    assert kinds.count("leave") - kinds.count("return") == (found.status == "left")

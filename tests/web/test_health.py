"""`/healthz`: for monitors."""

import pytest

from course.store import alarms, installation
from course.store.db import Database
from tests.web.site import Site, sqlite_only


def tick(site: Site) -> None:
    with site.world.database.relaxed() as session:
        installation.note_tick(session, site.world.machine)


def test_it_is_well_while_a_worker_ticks(site: Site) -> None:
    tick(site)
    site.world.go(seconds=59)
    response = site.get("/healthz")
    assert response.status_code == 200
    assert response.mimetype == "application/json"
    well = {"ok": True, "database": True, "tick_age_seconds": 59.0, "version": "1.2.3"}
    assert well.items() <= response.json.items()


def test_an_alarm_is_told_in_our_own_words_only(site: Site) -> None:
    tick(site)
    said = "Mail is stopped. smtp said: 550 <ann@runner.test> not today. What is due waits, and none of it is lost."
    with site.world.database.write() as session:
        alarms.ring(session, "lane:smtp:default", said, site.world.machine)
    response = site.get("/healthz")
    assert (response.status_code, response.json["alarms"]) == (200, ["Mail is stopped"])


def test_it_is_not_well_a_minute_after_the_last_tick_nor_before_the_first(site: Site) -> None:
    response = site.get("/healthz")
    assert response.status_code == 503
    assert response.json["tick_age_seconds"] is None
    tick(site)
    site.world.go(seconds=60)
    response = site.get("/healthz")
    assert response.status_code == 503
    assert (response.json["ok"], response.json["database"], response.json["tick_age_seconds"]) == (False, True, 60.0)


@sqlite_only
@pytest.mark.parametrize(
    "url", ["sqlite:////nowhere/course.db", "sqlite://", "postgresql+psycopg://nobody@/none?host=/nowhere"]
)
def test_without_its_database_it_says_so(site: Site, url: str) -> None:
    gone = Database(url)
    try:
        response = site.but(database=gone).get("/healthz")
    finally:
        gone.close()
    assert response.status_code == 503
    assert response.json == {"ok": False, "database": False, "version": "1.2.3"}


@sqlite_only
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_it_can_be_asked_without_a_body(site: Site, method: str) -> None:
    tick(site)
    response = site.open("/healthz", method=method)
    assert (response.status_code, response.data) == (200, b"")

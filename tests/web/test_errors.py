"""Errors as people can use them, and nothing of the inside in them."""

import logging

import pytest
from flask import Flask

from course.web import doors
from tests.factories import SECRET
from tests.web.site import Page, Site, sqlite_only

pytestmark = sqlite_only


@pytest.mark.parametrize(
    ("path", "status"), [("/none", 404), ("/signups", 405), ("/readers/x", 404), ("/a" * 2000, 404)]
)
def test_an_error_is_a_page_with_a_way_on(site: Site, path: str, status: int) -> None:
    response = site.get(path)
    assert response.status_code == status
    page = Page(response)
    assert f"Error {status}" in page.words
    assert page.all("a", href="/")
    assert len(page.words) < 400


def test_who_asks_for_json_gets_json(site: Site) -> None:
    for request in ({"headers": {"Accept": "application/json"}}, {"content_type": "application/json"}):
        response = site.get("/none", **request)
        assert response.status_code == 404
        assert set(response.json) == {"error"}
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    assert site.get("/none", headers=browser).mimetype == "text/html"


def test_a_wrong_method_names_the_right_ones(site: Site) -> None:
    assert site.post("/").headers["Allow"] == "GET, HEAD, OPTIONS"
    assert site.open("/unsubscriptions/x", method="PUT").headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert site.get("/returns/x").headers["Allow"] == "OPTIONS, POST"


def test_a_method_that_nobody_knows_is_refused(site: Site) -> None:
    for method in ("TRACE", "CONNECT", "PROPFIND", "X" * 200):
        assert site.open("/", method=method).status_code == 405


@pytest.fixture
def broken(site: Site) -> Site:
    @doors.open_door
    def break_down() -> str:
        raise RuntimeError(f"{SECRET} at /somewhere")

    site.app = site.build()
    site.app.add_url_rule("/broken", view_func=break_down)
    return site


def test_a_fault_of_ours_says_nothing_of_the_inside_and_is_logged(
    broken: Site, caplog: pytest.LogCaptureFixture
) -> None:
    broken.app.test_client_class = None  # Flask's own: ours takes no 500
    for accept in ("text/html", "application/json"):
        response = broken.app.test_client().get("/broken", headers={"Accept": accept})
        assert response.status_code == 500
        assert "Something broke on our side" in response.text
        for word in (SECRET, "RuntimeError", "Traceback", "/somewhere"):
            assert word not in response.text
        assert "Content-Security-Policy" in response.headers
    assert "RuntimeError" in caplog.text
    assert not broken.app.debug


def test_nothing_is_logged_of_a_refused_request(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    site.post("/signups", json={"email": "secret@@runner.test"})
    site.post("/signups", json={"email": "ann@runner.test"})
    site.get("/confirmations/a-token")
    assert "runner.test" not in caplog.text
    assert "a-token" not in caplog.text


def test_the_key_of_the_coaches_sessions_is_not_that_of_links(site: Site) -> None:
    assert isinstance(site.app, Flask)
    assert isinstance(site.app.secret_key, bytes)
    assert len(site.app.secret_key) == 32
    assert SECRET.encode() not in site.app.secret_key
    assert site.app.config["SESSION_COOKIE_PATH"] == "/admin"

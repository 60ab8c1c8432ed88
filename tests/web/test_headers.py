"""What every answer carries; see also `Client` in site.py, which looks at all answers of all tests here."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

import course.web
from tests.web.site import Page, Site, link, sqlite_only

pytestmark = sqlite_only
STATIC = Path(course.web.__file__).parent / "static"


@pytest.fixture
def answers(site: Site) -> list[str]:
    """Paths of answers of every kind."""
    site.reader()
    mail = site.lesson()
    tokens = [link(mail, f"/{name}/") for name in ("lessons", "readers", "unsubscriptions")]
    return ["/", "/courses/running", "/none", "/healthz", "/signups", "/outbox", "/static/course.css", *tokens]


def test_every_answer_says_what_a_browser_may_do_with_it(site: Site, answers: list[str]) -> None:
    for path in answers:
        headers = site.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "unsafe-eval" not in policy
        assert "object-src 'none'" in policy or "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "'unsafe-inline'" not in policy or path.startswith("https://course.example/lessons/")
        assert "camera=()" in headers["Permissions-Policy"]
        assert headers["Content-Type"].startswith(("text/", "application/json"))


def test_pages_need_no_inline_script_or_style(site: Site, answers: list[str]) -> None:
    for path in answers:
        page = Page(site.get(path))
        if "/lessons/" in path:
            continue
        assert not page.all("style")
        assert all("src" in script for script in page.all("script"))
        assert not any(name == "style" or name.startswith("on") for _, attrs in page.elements for name in attrs)


def test_an_address_with_a_token_is_told_to_nobody_and_kept_nowhere(site: Site) -> None:
    url = site.confirm_url()
    site.reader("bob@runner.test")
    mail = site.lesson()
    found = [url, *(link(mail, f"/{name}/") for name in ("lessons", "readers", "unsubscriptions"))]
    for url in found:
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            answer = site.open(url, method=method)
            if answer.status_code == 405:
                continue
            headers = answer.headers
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["Cache-Control"] == "no-store"
            assert headers["X-Robots-Tag"] == "noindex, nofollow"


def test_a_page_with_a_token_loads_nothing_from_elsewhere(site: Site) -> None:
    site.reader()
    mail = site.lesson()
    for name in ("readers", "unsubscriptions"):
        page = Page(site.get(link(mail, f"/{name}/")))
        loads = {str(found["src"]) for _, found in page.elements if "src" in found}
        loads |= {str(found["href"]) for found in page.all("link")}
        assert all(url.startswith("/static/") for url in loads)


def test_https_is_asked_for_from_then_on_only_where_there_is_https(site: Site) -> None:
    assert "Strict-Transport-Security" not in site.get("/").headers
    assert "max-age=31536000" in site.get("/", base_url="https://course.example").headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in site.get("/", headers={"X-Forwarded-Proto": "https"}).headers
    behind = site.but(trusted_proxies=1).get("/", headers={"X-Forwarded-Proto": "https"})
    assert "Strict-Transport-Security" in behind.headers


def test_what_never_changes_may_be_kept_for_ever(site: Site) -> None:
    for file in filter(Path.is_file, STATIC.iterdir()):
        version = sha256(file.read_bytes()).hexdigest()[:10]
        response = site.get(f"/static/{file.name}?v={version}")
        assert response.status_code == 200
        assert response.data == file.read_bytes()
        assert response.cache_control.max_age == 365 * 24 * 3600
        assert response.cache_control.public
        response.close()


def test_pages_name_their_files_by_content(site: Site, answers: list[str]) -> None:
    files = {url for path in answers for url in Page(site.get(path)).targets() if url.startswith("/static/")}
    assert {"/static/course.css", "/static/mark.svg", "/static/join.js"} <= {url.split("?")[0] for url in files}
    for url in files:
        name, version = url.removeprefix("/static/").split("?v=")
        assert sha256((STATIC / name).read_bytes()).hexdigest().startswith(version)
        assert len(version) == 10


def test_nothing_beside_the_static_files_is_served(site: Site) -> None:
    for path in ("/static/../doors.py", "/static/%2e%2e/doors.py", "/static/", "/static/none"):
        assert site.get(path).status_code in {404, 405}


def test_the_date_is_of_today(site: Site) -> None:
    response = site.get("/static/course.css")
    assert response.date is None or abs((datetime.now(UTC) - response.date).total_seconds()) < 60
    response.close()

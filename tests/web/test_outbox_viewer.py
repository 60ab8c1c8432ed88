"""The outbox's viewer: the newcomer's inbox, for a browser on this machine and nobody else."""

from typing import Any

import pytest

from tests.web.site import Page, Site, sqlite_only

pytestmark = sqlite_only


@pytest.fixture
def opened(site: Site) -> str:
    """The path of the one lesson in the outbox."""
    site.reader()
    return next(found for found in _mails(site) if "About Start" in Page(site.get(found)).words)


def _mails(site: Site, path: str = "/outbox") -> list[str]:
    links = [str(found["href"]) for found in Page(site.get(path)).all("a")]
    return [found for found in links if found.startswith("/outbox/")]


def test_it_lists_the_mails_newest_first(site: Site) -> None:
    assert "No mail yet." in Page(site.get("/outbox")).words
    for name in ("ann", "bob", "eve"):
        site.confirm_url(f"{name}@runner.test")
    words = Page(site.get("/outbox")).words
    assert words.index("eve@runner.test") < words.index("bob@runner.test") < words.index("ann@runner.test")
    assert "2026-11-23 15:00:00 UTC" in words
    assert len(_mails(site)) == 3


def test_it_turns_pages(site: Site) -> None:
    (site.world.outbox / "new").mkdir(parents=True)
    for number in range(120):
        (site.world.outbox / "new" / f"{number:032x}.eml").write_text(f"Subject: S{number}\n\n")
    seen, path = [], "/outbox"
    while path:
        seen.append(set(_mails(site, path)))
        path = next((str(found["href"]) for found in Page(site.get(path)).all("a", rel="next")), "")
    assert [len(page) for page in seen] == [50, 50, 20]
    assert len(set.union(*seen)) == 120
    assert len(_mails(site, "/outbox?offset=-5")) == len(_mails(site, "/outbox?offset=x")) == 50
    assert not _mails(site, f"/outbox?offset={10**30}")


def test_a_mail_has_four_views(site: Site, opened: str) -> None:
    text, headers, source = (Page(site.get(f"{opened}?show={view}")) for view in ("text", "headers", "source"))
    assert "Lesson 1 of 5: Start" in text.words
    assert "List-Unsubscribe-PostList-Unsubscribe=One-Click" in headers.words  # name and value
    assert "Content-Type: multipart/alternative" in source.words
    assert Page(site.get(opened)).one("iframe")["src"] == f"{opened}/html"
    assert Page(site.get(f"{opened}?show=<script>")).one("iframe")


def test_the_html_is_in_a_frame_that_runs_nothing(site: Site, opened: str) -> None:
    rights = "allow-popups allow-popups-to-escape-sandbox"
    assert Page(site.get(opened)).one("iframe")["sandbox"] == rights
    frame = site.get(f"{opened}/html")
    assert "Hi Ann" in Page(frame).words
    assert Page(frame).one("base")["target"] == "_blank"
    policy = dict(part.split(" ", 1) for part in frame.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["sandbox"] == rights
    assert policy["frame-ancestors"] == "'self'"
    assert "script-src" not in policy


def test_what_a_mail_holds_is_shown_as_text(site: Site) -> None:
    evil = "<script>alert(1)</script>"
    (site.world.outbox / "new").mkdir(parents=True)
    mail = f"Subject: {evil}\nTo: {evil}\nX-Evil: {evil}\nContent-Type: text/plain\n\n{evil}"
    (site.world.outbox / "new" / f"{1:032x}.eml").write_text(mail)
    path = f"/outbox/{1:032x}"
    for view in ("/outbox", path, *(f"{path}?show={view}" for view in ("text", "headers", "source"))):
        assert not Page(site.get(view)).all("script"), view
        assert evil in Page(site.get(view)).words, view


def test_a_mail_that_is_not_there_is_a_404(site: Site) -> None:
    site.confirm_url()
    for mail_id in ("x", "0" * 32, "..%2f..%2fcourse.db", "%00", "%ff", "x" * 3000, ".eml", "%2e%2e"):
        for path in (f"/outbox/{mail_id}", f"/outbox/{mail_id}/html"):
            assert site.get(path).status_code == 404, path


FROM_HERE: list[dict[str, Any]] = [
    {},
    {"environ_base": {"REMOTE_ADDR": "127.0.0.2"}},
    {"environ_base": {"REMOTE_ADDR": "::1"}, "headers": {"Host": "[::1]:8000"}},
    {"headers": {"Host": "127.0.0.1:8000"}},
    {"headers": {"Host": "localhost:8000"}},
]
FROM_ELSEWHERE: list[dict[str, Any]] = [
    {"environ_base": {"REMOTE_ADDR": "203.0.113.9"}},
    {"environ_base": {"REMOTE_ADDR": "10.0.0.1"}},
    {"environ_base": {"REMOTE_ADDR": "2001:db8::1"}},
    {"environ_base": {"REMOTE_ADDR": ""}},  # a socket file: nobody knows
    {"environ_base": {"REMOTE_ADDR": "unix:"}},
    {"headers": {"X-Forwarded-For": "127.0.0.1"}},  # a proxy on this machine
    {"headers": {"Forwarded": "for=127.0.0.1"}},
    {"headers": {"Host": "course.example"}},  # a proxy that says nothing
    {"headers": {"Host": "rebound.evil.example:8000"}},  # a name that was made to lead here
    {"headers": {"Host": "127.0.0.1.evil.example"}},
    {"headers": {"Host": "localhost.evil.example"}},
]


def test_it_is_open_on_this_machine(site: Site, opened: str) -> None:
    for request in FROM_HERE:
        for path in ("/outbox", opened, f"{opened}/html"):
            assert site.get(path, **request).status_code == 200, request


@pytest.mark.parametrize("proxies", [0, 1])
def test_it_is_shut_for_everybody_else(site: Site, opened: str, proxies: int) -> None:
    behind = site.but(trusted_proxies=proxies)
    for request in FROM_ELSEWHERE:
        for path in ("/outbox", opened, f"{opened}/html", "/outbox/x"):
            response = behind.get(path, **request)
            assert response.status_code == 403, request
            assert "runner.test" not in response.text


def test_it_is_not_there_for_any_other_provider(site: Site, opened: str) -> None:
    other = site.but(outbox=None)
    for path in ("/outbox", opened, f"{opened}/html"):
        assert other.get(path).status_code == 404


def test_it_only_reads(site: Site, opened: str) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        for path in ("/outbox", opened, f"{opened}/html"):
            assert site.open(path, method=method).status_code == 405

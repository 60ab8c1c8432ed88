"""What a request says of itself is not believed: the Host it asks for, and whom it was forwarded for."""

from tests.factories import PUBLIC_URL
from tests.web.site import Page, Site, sqlite_only, urls

pytestmark = sqlite_only
EVIL = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "gopher",
    "X-Forwarded-Prefix": "/evil",
    "X-Original-URL": "/evil",
    "Forwarded": "host=evil.example",
    "Origin": "https://evil.example",
}


def test_links_in_mails_and_pages_come_from_the_public_url_whatever_the_host(site: Site) -> None:
    for proxies in (0, 1):
        poisoned = site.but(trusted_proxies=proxies)
        address = f"ann{proxies}@runner.test"
        answers = [
            poisoned.post("/signups", data={"email": address}, headers=EVIL),
            poisoned.post("/signups", data={"email": "x"}, headers=EVIL),
            poisoned.get("/", headers=EVIL),
            poisoned.get("/none", headers=EVIL),
        ]
        site.world.drain()
        confirm = next(url for url in urls(site.world.mails()[-1]) if "/confirmations/" in url)
        answers += [poisoned.get(confirm, headers=EVIL), poisoned.post(confirm, headers=EVIL)]
        site.world.drain()
        answers += [poisoned.get(url, headers=EVIL) for url in urls(site.lesson())]
        for answer in answers:
            assert "evil.example" not in answer.text
            assert "/evil" not in answer.text
        assert all("evil" not in str(answer.headers) for answer in answers)
    assert {url for mail in site.world.mails() for url in urls(mail) if not url.startswith(PUBLIC_URL)} == set()
    assert all("evil" not in mail.as_string() for mail in site.world.mails())


def test_a_host_that_cannot_be_is_a_clear_400_at_most(site: Site) -> None:
    for host in (
        "",
        "[",
        "[::1",
        "a b",
        "é",
        "x:99999",
        "x" * 300,
        "x" * 5000,
        "." * 300,
        "a..b",
        "\t",
        "%00",
        "<script>",
    ):
        response = site.get("/", headers={"Host": host})
        assert response.status_code in {200, 400}, host
        assert "<script>" not in response.text
        if response.status_code == 400:
            assert "We could not read that" in Page(response).words


def ip(site: Site, proxies: int, forwarded: str | None) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    of_proxy = {"REMOTE_ADDR": "10.0.0.1"}
    where = site.but(trusted_proxies=proxies)
    where.post("/signups", json={"email": "ann@runner.test"}, headers=headers, environ_base=of_proxy)
    return str(site.rows("consent")[-1].ip)


def test_whom_a_request_was_forwarded_for_counts_only_behind_that_many_proxies(site: Site) -> None:
    chain = "6.6.6.6, 203.0.113.9, 10.0.0.2"
    assert ip(site, 0, chain) == "10.0.0.1"
    assert ip(site, 1, chain) == "10.0.0.2"
    assert ip(site, 2, chain) == "203.0.113.9"
    assert ip(site, 1, "203.0.113.9") == "203.0.113.9"
    assert ip(site, 1, None) == "10.0.0.1"
    assert ip(site, 3, "203.0.113.9") == "10.0.0.1"  # fewer than it went through: not believed


def test_an_address_that_is_none_does_not_break_the_proof(site: Site) -> None:
    for forwarded in ("x" * 5000, "<script>", "a\x00b".replace("\x00", "0"), ",", "2001:db8::1%eth0"):
        assert len(ip(site, 1, forwarded)) <= 45

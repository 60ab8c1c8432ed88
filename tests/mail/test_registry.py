from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from course.mail.outbox import Outbox
from course.mail.postmark import Postmark
from course.mail.provider import Provider
from course.mail.registry import base_url, is_loopback, provider_named, smtp_server
from course.mail.resend import Resend
from course.mail.smtp import Server, Smtp

SETTINGS: dict[str, Any] = {
    "outbox_path": Path("/nowhere"),
    "settle": timedelta(minutes=30),
    "now": lambda: datetime(2027, 1, 1, tzinfo=UTC),
}


@pytest.mark.parametrize(
    ("name", "changes", "kind"),
    [
        ("outbox", {}, Outbox),
        ("postmark", {"key": "k"}, Postmark),
        ("postmark", {"key": "k", "url": "http://127.0.0.1:8025/fake/"}, Postmark),
        ("resend", {"key": "k"}, Resend),
        ("smtp", {"url": "smtp://127.0.0.1:1025"}, Smtp),
    ],
)
def test_every_name_has_its_provider(name: str, changes: dict[str, str], kind: type[Provider]) -> None:
    with closing(provider_named(name, **(SETTINGS | changes))) as provider:
        assert type(provider) is kind
        assert provider.name == name


def test_what_is_promised_agrees_with_what_is_offered() -> None:
    providers = [provider_named(name, key="k", **SETTINGS) for name in ("outbox", "postmark", "resend")]
    assert [provider.settle for provider in providers] == [timedelta(0), timedelta(minutes=30), None]
    assert [provider.batch_size for provider in providers] == [1, 500, 100]


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'sendmail', but there are outbox, postmark, resend, smtp"):
        provider_named("sendmail", **SETTINGS)


@pytest.mark.parametrize("name", ["postmark", "resend"])
@pytest.mark.parametrize("key", ["", " ", "a b", "k\n", "schlüssel"])
def test_a_key_that_cannot_be(name: str, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        provider_named(name, key=key, **SETTINGS)


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://api.x.test", "https://api.x.test"),
        ("https://api.x.test/", "https://api.x.test"),
        ("https://api.x.test:8443/v1/", "https://api.x.test:8443/v1"),
        ("http://127.0.0.1:8025", "http://127.0.0.1:8025"),
        ("http://127.9.9.9", "http://127.9.9.9"),
        ("http://[::1]:80/", "http://[::1]:80"),
        ("http://localhost:80", "http://localhost:80"),
    ],
)
def test_a_base_url(url: str, clean: str) -> None:
    assert base_url(url) == clean


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.x.test",
        "http://api.x.test",
        "http://10.0.0.1",
        "http://localhost.x.test",
        "http://127.0.0.1.x.test",
        "http://0.0.0.0",
        "ftp://127.0.0.1",
        "https://",
        "https://:443",
        "https://u:S3CRET@api.x.test",
        "https://u@api.x.test",
        "https://@api.x.test",
        "https://api.x.test\\@evil.test",
        "http://127.0.0.1\\.evil.test",
        "https://api.x.test?S3CRET=1",
        "https://api.x.test?",
        "https://api.x.test#S3CRET",
        "https://api.x.test#",
        "https://api.x.test:port",
        "https://api.x.test:99999",
        "https://api.x.test:0",
        "https://[::1",
        "https://api.x.test/ a",
        "https://api.x.test\n",
        "https://api.x.test\t/",
    ],
)
def test_no_base_url(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        base_url(url)
    assert "S3CRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://m.test", Server("m.test", 587, "starttls")),
        ("smtp://u:p@m.test:25", Server("m.test", 25, "starttls", "u", "p")),
        ("smtps://m.test", Server("m.test", 465, "tls")),
        ("smtps://u%40m.test:p%3A%2F%40@m.test:4650/", Server("m.test", 4650, "tls", "u@m.test", "p:/@")),
        ("smtp://127.0.0.1:1025", Server("127.0.0.1", 1025, "clear")),
        ("smtp://localhost:1025", Server("localhost", 1025, "clear")),
        ("smtps://127.0.0.1", Server("127.0.0.1", 465, "tls")),
        ("smtp://10.0.0.1:25", Server("10.0.0.1", 25, "starttls")),
    ],
)
def test_an_smtp_server(url: str, server: Server) -> None:
    assert smtp_server(url) == server


def test_the_password_may_stand_apart() -> None:
    assert smtp_server("smtp://u@m.test", "p") == Server("m.test", 587, "starttls", "u", "p")
    assert smtp_server("smtp://u:q@m.test", "p").password == "q"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "m.test",
        "smtp://",
        "https://m.test",
        "smtp://u:S3CRET@m.test/path",
        "smtp://u:S3/CRET@m.test",
        "smtp://m.test?x=1",
        "smtp://u:S3CRET@m.test:port",
        "smtp://u:S3#CRET@m.test",
        "smtp://u:S3CRET @m.test",
        "smtp://u:S3CRET@m.test:70000",
    ],
)
def test_no_smtp_server(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        smtp_server(url)
    assert "CRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("::1", True), ("LOCALHOST", True), ("", False), ("10.0.0.1", False), ("localhost.x", False)],
)
def test_loopback(host: str, here: bool) -> None:
    assert is_loopback(host) is here

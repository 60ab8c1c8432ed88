"""The road of alarms, over real sockets: what a watcher gets, and what is said where it gets nothing."""

from base64 import b64encode
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from course.mail.alert import Tell, teller
from tests.mail.http_server import ScriptedServer, resets, says
from tests.mail.smtp_server import SmtpScript

TEXT = "Mail is stopped. postmark said: <b>no</b> & «nein». What is due waits."


def teller_to(url: str) -> Tell:
    return teller(url, "course@course.example", lambda: datetime(2026, 11, 23, 12, tzinfo=UTC))


def test_a_web_address_gets_the_words_as_the_body_of_a_post(server: ScriptedServer) -> None:
    server.script = [says(200)]
    tell = teller_to(server.url.replace("//", "//me:key@") + "/ping/7?from=course")
    assert tell("Email course: Mail is stopped", TEXT) == ""
    [request] = server.seen
    assert (request.method, request.path) == ("POST", "/ping/7?from=course")
    assert request.body.decode() == f"Email course: Mail is stopped\n\n{TEXT}"
    assert request.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert request.headers["Authorization"] == f"Basic {b64encode(b'me:key').decode()}"


def test_what_a_web_address_did_not_take_is_said(server: ScriptedServer) -> None:
    server.script = [says(404), says(302, Location="/"), resets, says(204)]
    tell = teller_to(server.url)
    said = [tell("subject", "text") for _ in range(4)]
    assert said[0] == "HTTP status 404"
    assert "redirect" in said[1]
    assert "reset" in said[2]
    assert said[3] == ""


def test_a_mail_address_gets_a_mail(smtp_script: SmtpScript) -> None:
    tell = teller_to(f"smtp://127.0.0.1:{smtp_script.port}/kim@clinic.test")
    assert tell("Email course: Mail is stopped", TEXT) == ""
    assert "rcpt TO:<kim@clinic.test>" in smtp_script.commands
    mail = message_from_bytes(smtp_script.mails[0], policy=policy.default)
    assert mail["Subject"] == "Email course: Mail is stopped"
    bodies = {part.get_content_type(): part.get_content() for part in mail.iter_parts()}  # type: ignore[attr-defined]
    assert bodies["text/plain"].strip() == TEXT
    assert "&lt;b&gt;no&lt;/b&gt; &amp; «nein»" in bodies["text/html"]


@pytest.mark.parametrize(("verb", "reply"), [("RCPT", "550 5.1.1 who is that?"), ("MAIL", "451 4.7.1 later")])
def test_what_a_mail_server_did_not_take_is_said(smtp_script: SmtpScript, verb: str, reply: str) -> None:
    smtp_script.replies[verb] = [reply, "250 2.1.5 ok"]
    tell = teller_to(f"smtp://127.0.0.1:{smtp_script.port}/kim@clinic.test")
    assert reply[10:] in tell("subject", "text")
    assert tell("subject", "text") == ""

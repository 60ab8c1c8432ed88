import re
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime
from email import message_from_bytes
from threading import Barrier

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as Keeper

from course.core.outcome import Accepted, Misconfigured, Refused, Uncertain, Unreachable
from course.mail.smtp import MAILS_PER_CONNECTION, Patience, Server, Smtp
from tests.mail.http_server import server_tls
from tests.mail.letters import a_letter, a_message
from tests.mail.smtp_server import HANGS_UP, REPLIES, SILENCE, SmtpScript, client_tls

IMPATIENT = Patience(reply=0.1, dot=0.3)
EHLO_UTF8 = REPLIES["EHLO"].replace("250 ENH", "250-SMTPUTF8\r\n250 ENH")


def now() -> datetime:
    return datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)


def smtp_to(port: int, **changes: object) -> Smtp:
    settings = {"host": "127.0.0.1", "port": port, "security": "clear"} | changes
    return Smtp(Server(**settings), now, client_tls(), Patience(5, 5))  # type: ignore[arg-type]


@pytest.fixture
def smtp(smtp_script: SmtpScript) -> Iterator[Smtp]:
    with closing(smtp_to(smtp_script.port)) as provider:
        yield provider


def test_one_message_is_one_transaction(smtp_script: SmtpScript, smtp: Smtp) -> None:
    assert smtp.send([a_message(7)], "k") == [Accepted()]
    assert verbs(smtp_script) == ["EHLO", "MAIL", "RCPT", "DATA"]
    assert [command for command in smtp_script.commands if "@" in command] == [
        "mail FROM:<course@c.test>",
        "rcpt TO:<runner7@x.test>",
    ]
    [mail] = smtp_script.mails
    assert mail.startswith(b"Date: Sat, 02 Jan 2027 03:04:05 +0000\r\nFrom: ")
    assert b"\r\nMessage-ID: <00000000000000000000000000000007@c.test>\r\n" in mail


def test_two_mails_go_over_one_connection(smtp_script: SmtpScript, smtp: Smtp) -> None:
    assert [smtp.send([a_message(number)], "k") for number in (1, 2)] == [[Accepted()], [Accepted()]]
    assert len(smtp_script.conversations) == 1
    assert verbs(smtp_script) == ["EHLO", "MAIL", "RCPT", "DATA", "RSET", "MAIL", "RCPT", "DATA"]


def test_a_connection_has_an_end(smtp_script: SmtpScript, smtp: Smtp) -> None:
    for number in range(MAILS_PER_CONNECTION + 1):
        assert smtp.send([a_message(number)], "k") == [Accepted()]
    first, second = smtp_script.conversations
    assert (len(first.mails), len(second.mails)) == (100, 1)
    assert first.commands[-1] == "quit"


def test_threads_have_connections_of_their_own(smtp_script: SmtpScript, smtp: Smtp) -> None:
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(smtp.send, [a_message(number)], "k") for number in range(40)]
        assert all(call.result() == [Accepted()] for call in calls)
    assert len(smtp_script.conversations) <= 8
    assert len(set(smtp_script.mails)) == 40


def test_closed_it_may_be_used_again(smtp_script: SmtpScript, smtp: Smtp) -> None:
    smtp.send([a_message(1)], "k")
    smtp.close()
    assert smtp.send([a_message(2)], "k") == [Accepted()]
    assert [conversation.commands[-1] for conversation in smtp_script.conversations][:1] == ["quit"]
    assert len(smtp_script.conversations) == 2


@pytest.mark.parametrize("rset", [HANGS_UP, "421 4.3.2 idle for too long", "500 what?"])
def test_a_connection_that_went_stale_is_replaced(smtp_script: SmtpScript, smtp: Smtp, rset: str) -> None:
    smtp_script.replies["RSET"] = rset
    assert [smtp.send([a_message(number)], "k") for number in (1, 2)] == [[Accepted()], [Accepted()]]
    assert [len(conversation.mails) for conversation in smtp_script.conversations] == [1, 1]


def test_after_one_stale_connection_no_other_is_waited_for(smtp_script: SmtpScript, smtp: Smtp) -> None:
    """What drops an idle connection without a word dropped those that are idle for longer: asking each costs a wait."""
    with ThreadPoolExecutor(4) as pool:
        all_have_one = Barrier(4)

        def send(number: int) -> None:
            body = smtp.build([a_message(number)])
            assert smtp.post(body, "k", 1, lambda: all_have_one.wait(20) >= 0) == [Accepted()]

        list(pool.map(send, range(4)))
    before = len(smtp_script.conversations)
    assert before == 4
    smtp_script.replies["RSET"] = HANGS_UP
    assert smtp.send([a_message(9)], "k") == [Accepted()]
    assert verbs(smtp_script).count("RSET") == 1
    assert len(smtp_script.conversations) == before + 1


@pytest.mark.parametrize("verb", ["greeting", "EHLO", "MAIL", "RCPT", "DATA"])
def test_lost_before_the_dot_nothing_was_sent(smtp_script: SmtpScript, smtp: Smtp, verb: str) -> None:
    smtp_script.replies[verb] = HANGS_UP
    assert isinstance(smtp.send([a_message()], "k")[0], Unreachable)
    assert smtp_script.mails == []


def test_lost_in_the_middle_of_a_mail_nothing_was_sent(smtp_script: SmtpScript, smtp: Smtp) -> None:
    smtp_script.replies["half"] = "the end"
    more_than_the_buffers_between_us = b"0123456789\r\n" * 1_000_000
    body = smtp.build([a_message()]) + more_than_the_buffers_between_us
    assert isinstance(smtp.post(body, "k", 1)[0], Unreachable)
    assert smtp_script.mails == []


def test_lost_after_the_dot_nobody_knows(smtp_script: SmtpScript, smtp: Smtp) -> None:
    smtp_script.replies["dot"] = HANGS_UP
    [outcome] = smtp.send([a_message()], "k")
    assert isinstance(outcome, Uncertain)
    assert outcome.reason.startswith("lost at the dot: Connection unexpectedly closed")
    assert len(smtp_script.mails) == 1, "and it was not sent a second time"


@pytest.mark.parametrize(("verb", "kind"), [("MAIL", Unreachable), ("DATA", Unreachable), ("dot", Uncertain)])
def test_silence_ends_in_time(smtp_script: SmtpScript, verb: str, kind: type) -> None:
    smtp_script.replies[verb] = SILENCE
    with closing(Smtp(Server("127.0.0.1", smtp_script.port, "clear"), now, patience=IMPATIENT)) as smtp:
        [outcome] = smtp.send([a_message()], "k")
    assert isinstance(outcome, kind)


def test_after_the_dot_it_is_as_impatient_as_before(smtp_script: SmtpScript) -> None:
    server = Server("127.0.0.1", smtp_script.port, "clear")
    with closing(Smtp(server, now, patience=Patience(reply=0.2, dot=5))) as smtp:
        assert smtp.send([a_message(1)], "k") == [Accepted()]
        smtp_script.replies["MAIL"] = SILENCE
        began = time.monotonic()
        assert isinstance(smtp.send([a_message(2)], "k")[0], Unreachable)
        assert time.monotonic() - began < 2


def test_the_dot_is_given_more_time(smtp_script: SmtpScript) -> None:
    """Silence after the dot is met with the longer patience; the shorter would have ended before."""
    smtp_script.replies["dot"] = SILENCE
    with closing(Smtp(Server("127.0.0.1", smtp_script.port, "clear"), now, patience=Patience(5, 0.05))) as smtp:
        [outcome] = smtp.send([a_message()], "k")
    assert isinstance(outcome, Uncertain)
    assert "timed out" in outcome.reason


@pytest.mark.parametrize(
    ("verb", "reply", "expected"),
    [
        ("MAIL", "451 4.3.0 later", Unreachable),
        ("MAIL", "550 5.7.1 you may not send as this", Misconfigured),
        ("MAIL", "552 5.3.4 too big", "message"),
        ("RCPT", "450 4.2.0 greylisted", Unreachable),
        ("RCPT", "550 5.1.1 nobody here", "recipient"),
        ("RCPT", "550-5.1.1 nobody\r\n550 5.1.1 here", "recipient"),
        ("RCPT", "550 5.7.1 policy", "message"),
        ("RCPT", "554 5.7.1 <a@x.test>: Relay access denied", Misconfigured),
        ("RCPT", "421 4.3.2 closing", Unreachable),
        ("DATA", "554 5.5.1 no valid recipients", "message"),
        ("DATA", "250 go on", Unreachable),
        ("dot", "451 4.3.0 later", Unreachable),
        ("dot", "554 5.7.1 spam", "message"),
        ("dot", "354 what?", Uncertain),
        ("dot", "hello", Uncertain),
    ],
)
def test_replies(smtp_script: SmtpScript, smtp: Smtp, verb: str, reply: str, expected: object) -> None:
    smtp_script.replies[verb] = [reply, REPLIES[verb]]
    [outcome] = smtp.send([a_message(1)], "k")
    if isinstance(expected, str):
        assert isinstance(outcome, Refused)
        assert outcome.scope == expected
    else:
        assert isinstance(outcome, expected)  # type: ignore[arg-type]
    assert smtp.send([a_message(2)], "k") == [Accepted()], "the next one is not harmed"
    assert len(smtp_script.conversations) == 2


def test_a_line_with_a_dot_is_only_text(smtp_script: SmtpScript, smtp: Smtp) -> None:
    letter = a_letter(text=".\n..\n.hidden\r\n.\r\nQUIT\r\n", html=".")
    smtp.send([a_message(1, letter=letter)], "k")
    smtp.send([a_message(2)], "k")
    first, second = smtp_script.mails
    assert b"\r\n\r\n.\r\n..\r\n.hidden\r\n.\r\nQUIT\r\n" in first
    assert message_from_bytes(second)["Message-ID"] == "<00000000000000000000000000000002@c.test>"


class TestLogin:
    def test_starttls_and_then_the_password(self, smtp_script: SmtpScript) -> None:
        with closing(smtp_to(smtp_script.port, security="starttls", user="u", password="p")) as smtp:
            assert smtp.send([a_message()], "k") == [Accepted()]
        assert verbs(smtp_script)[:5] == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL"]
        assert smtp_script.conversations[0].encrypted

    def test_tls_from_the_start(self) -> None:
        with SmtpScript(implicit_tls=True) as script:
            with closing(smtp_to(script.port, security="tls", user="u", password="p")) as smtp:
                assert smtp.send([a_message()], "k") == [Accepted()]
            assert verbs(script)[:3] == ["EHLO", "AUTH", "MAIL"]

    @pytest.mark.parametrize(
        ("changes", "kind"),
        [
            ({"EHLO": "250 mail.test"}, Misconfigured),
            ({"EHLO": "250-mail.test\r\n250 AUTH PLAIN"}, Misconfigured),
            ({"EHLO": "502 what?", "HELO": "250 mail.test"}, Misconfigured),
            ({"STARTTLS": "502 5.5.1 what?"}, Misconfigured),
            ({"STARTTLS": "454 4.7.0 not now"}, Unreachable),
            ({"STARTTLS": HANGS_UP}, Unreachable),
        ],
    )
    def test_without_tls_no_password_and_no_mail(
        self, smtp_script: SmtpScript, changes: dict[str, str], kind: type
    ) -> None:
        smtp_script.replies |= changes
        with closing(smtp_to(smtp_script.port, security="starttls", user="u", password="p")) as smtp:
            [outcome] = smtp.send([a_message()], "k")
        assert isinstance(outcome, kind)
        assert not {"AUTH", "MAIL"} & set(verbs(smtp_script))

    @pytest.mark.parametrize(
        ("reply", "kind"),
        [
            ("535 5.7.8 wrong", Misconfigured),
            ("534 5.7.9 too weak", Misconfigured),
            ("530 5.7.0 first STARTTLS", Misconfigured),
            ("454 4.7.0 not now", Unreachable),
            ("421 4.7.0 too many", Unreachable),
            (HANGS_UP, Unreachable),
        ],
    )
    def test_a_login_that_failed(self, smtp_script: SmtpScript, reply: str, kind: type) -> None:
        smtp_script.replies["AUTH"] = reply
        with closing(smtp_to(smtp_script.port, user="u", password="s3cret")) as smtp:
            [outcome] = smtp.send([a_message()], "k")
        assert isinstance(outcome, kind)
        assert "s3cret" not in repr(outcome)
        assert "s3cret" not in repr(Server("h", 1, "tls", "u", "s3cret"))

    def test_no_login_is_offered(self, smtp_script: SmtpScript) -> None:
        smtp_script.replies["EHLO"] = "250 mail.test"
        with closing(smtp_to(smtp_script.port, user="u", password="p")) as smtp:
            assert isinstance(smtp.send([a_message()], "k")[0], Misconfigured)

    def test_a_password_that_is_not_ascii(self, smtp_script: SmtpScript) -> None:
        with closing(smtp_to(smtp_script.port, user="u", password="schlüssel")) as smtp:
            assert isinstance(smtp.send([a_message()], "k")[0], Misconfigured)

    @pytest.mark.parametrize("security", ["starttls", "tls"])
    def test_a_certificate_that_nobody_signed(self, security: str) -> None:
        with SmtpScript(implicit_tls=security == "tls") as script:
            server = Server("127.0.0.1", script.port, security, "u", "p")  # type: ignore[arg-type]
            with closing(Smtp(server, now, patience=Patience(5, 5))) as smtp:
                [outcome] = smtp.send([a_message()], "k")
            assert isinstance(outcome, Misconfigured)
            assert "CERTIFICATE_VERIFY_FAILED" in outcome.reason
            assert not {"AUTH", "MAIL"} & set(verbs(script))

    def test_a_certificate_of_another_host(self) -> None:
        context = client_tls()
        assert context.check_hostname
        with SmtpScript(implicit_tls=True) as script:
            server = Server("127.0.0.2", script.port, "tls")
            with (
                closing(socket.create_server(("127.0.0.2", script.port))) as other,
                closing(Smtp(server, now, context, Patience(5, 5))) as smtp,
                ThreadPoolExecutor(1) as pool,
            ):
                served = pool.submit(greet_with_tls, other)
                [outcome] = smtp.send([a_message()], "k")
                served.result()
        assert isinstance(outcome, Misconfigured)
        assert "mismatch" in outcome.reason.lower()

    def test_no_tls_where_it_should_be(self, smtp_script: SmtpScript) -> None:
        with closing(smtp_to(smtp_script.port, security="tls")) as smtp:
            assert isinstance(smtp.send([a_message()], "k")[0], Misconfigured)


@pytest.mark.parametrize(("greeting", "kind"), [("554 5.3.2 no mail here", Misconfigured), ("421 busy", Unreachable)])
def test_no_welcome(smtp_script: SmtpScript, smtp: Smtp, greeting: str, kind: type) -> None:
    smtp_script.replies["greeting"] = greeting
    assert isinstance(smtp.send([a_message()], "k")[0], kind)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert isinstance(smtp_to(port).send([a_message()], "k")[0], Unreachable)


def test_no_such_name() -> None:
    assert isinstance(smtp_to(25, host="mail.invalid").send([a_message()], "k")[0], Unreachable)


class TestSmtpUtf8:
    def test_not_offered(self, smtp_script: SmtpScript, smtp: Smtp) -> None:
        [outcome] = smtp.send([a_message(to="jösé@x.test")], "k")
        assert isinstance(outcome, Refused)
        assert (outcome.scope, "SMTPUTF8" in outcome.reason) == ("recipient", True)
        assert "MAIL" not in verbs(smtp_script)
        assert smtp.send([a_message(2)], "k") == [Accepted()]

    def test_not_offered_to_the_sender(self, smtp: Smtp) -> None:
        letter = a_letter(sender_email="läufe@c.test")
        assert isinstance(smtp.send([a_message(letter=letter)], "k")[0], Misconfigured)

    def test_offered(self, smtp_script: SmtpScript, smtp: Smtp) -> None:
        smtp_script.replies["EHLO"] = EHLO_UTF8
        assert smtp.send([a_message(to="jösé@bücher.test")], "k") == [Accepted()]
        assert "mail FROM:<course@c.test> SMTPUTF8 BODY=8BITMIME" in smtp_script.commands
        assert "rcpt TO:<jösé@xn--bcher-kva.test>" in smtp_script.commands
        assert "To: jösé@xn--bcher-kva.test\r\n".encode() in smtp_script.mails[0]

    def test_not_used_without_need(self, smtp_script: SmtpScript, smtp: Smtp) -> None:
        smtp_script.replies["EHLO"] = EHLO_UTF8
        smtp.send([a_message(to="jose@bücher.test")], "k")
        assert "mail FROM:<course@c.test>" in smtp_script.commands


def test_a_server_that_others_wrote() -> None:
    kept = []

    class Keeping(Keeper):
        def handle_message(self, message) -> None:  # type: ignore[no-untyped-def]
            kept.append(message)

    controller = Controller(Keeping(), hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        with closing(smtp_to(controller.port)) as smtp:
            assert [smtp.send([a_message(number)], "k") for number in (1, 2)] == [[Accepted()]] * 2
    finally:
        controller.stop()
    assert [mail["X-RcptTo"] for mail in kept] == ["runner1@x.test", "runner2@x.test"]
    assert kept[0]["Subject"] == "=?utf-8?q?Lesson_1=3A_sch=C3=B6n_langsam?="
    assert [part.get_content_type() for part in kept[0].walk()][1:] == ["text/plain", "text/html"]


def greet_with_tls(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection, suppress(OSError):  # the client does not like us
        server_tls().wrap_socket(connection, server_side=True).close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def verbs(script: SmtpScript) -> list[str]:
    return [re.split("[ :]", command)[0].upper() for command in script.commands]


def test_the_default_verifies_certificates() -> None:
    smtp = Smtp(Server("h", 1, "tls"), now)
    assert smtp._tls.verify_mode == ssl.CERT_REQUIRED
    assert smtp._tls.check_hostname

import email
import re
from datetime import UTC, datetime, timedelta, timezone
from email import policy
from email.message import EmailMessage

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from course.core.letter import one_line
from course.mail import mime
from tests.mail.letters import HEADERS, UNSUBSCRIBE, a_letter, a_message, greeting

OURS = ["From", "To", "Reply-To", "Subject", "Message-ID", *HEADERS, "MIME-Version", "Content-Type"]
# What has a meaning in a header, in pieces, so that Hypothesis finds bad company soon.
HOSTILE = st.lists(
    st.text(max_size=5)
    | st.sampled_from(
        [
            "\r\n",
            "\n",
            "\r",
            "\x00",
            "\x85",
            "\u2028",
            " ",
            "\t",
            "Bcc: evil@x.test",
            "=?utf-8?q?=0ABcc:_e@x?=",
            "?=",
            "=?",
            ",",
            "<",
            ">",
            '"',
            "\\",
            "(",
            "@",
            ":",
            ";",
            "ü",
            "📎",
            "--=_",
            "\r\n\r\n",
            "\r\n.\r\n",
            "a" * 300,
        ]
    ),
    max_size=8,
).map("".join)


def test_the_whole_mail() -> None:
    mail = mime.dated(mime.mail(a_message(7, to="runner@bücher.test")), datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert (
        mail.decode("ascii").replace("\r\n", "\n")
        == f"""\
Date: Sat, 02 Jan 2027 03:04:05 +0000
From: =?utf-8?q?L=C3=A4ufe=2C_leicht?= <course@c.test>
To: runner@xn--bcher-kva.test
Reply-To: help@c.test
Subject: =?utf-8?q?Lesson_1=3A_sch=C3=B6n_langsam?=
Message-ID: <00000000000000000000000000000007@c.test>
List-Unsubscribe: {UNSUBSCRIBE}
List-Unsubscribe-Post: List-Unsubscribe=One-Click
MIME-Version: 1.0
Content-Type: multipart/alternative;
 boundary="=_00000000000000000000000000000007"

--=_00000000000000000000000000000007
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

Hallo,

lauf los.

--=_00000000000000000000000000000007
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: quoted-printable
MIME-Version: 1.0

<p>Hallo,</p><p>lauf los.</p>

--=_00000000000000000000000000000007--
"""
    )


def test_the_same_message_is_the_same_bytes() -> None:
    assert mime.mail(a_message()) == mime.mail(a_message())


def test_a_date_has_its_zone() -> None:
    at = datetime(2027, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=-3)))
    assert mime.dated(b"", at) == b"Date: Sat, 02 Jan 2027 03:04:05 -0300\r\n"


def test_what_is_for_machines_is_one_line_as_it_is() -> None:
    headers = {
        "List-Unsubscribe": f"<https://c.test/u/=?{'y' * 600}>, <mailto:u@c.test>",
        "List-Id": "Läufe <a.c.test>",
    }
    lines = mime.mail(a_message(letter=a_letter(headers=headers))).split(b"\r\n")
    assert f"List-Unsubscribe: {headers['List-Unsubscribe']}".encode() in lines
    assert b"List-Id: =?utf-8?b?TMOkdWZl?= <a.c.test>" in lines


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Course", 'From: "Course" <course@c.test>'),
        ('A "B", \\C', 'From: "A \\"B\\", \\\\C" <course@c.test>'),
        ("=?utf-8?q?x?=", "From: =?utf-8?b?PT91dGYtOD9xP3g/PQ==?= <course@c.test>"),
        ("Läufe", "From: =?utf-8?b?TMOkdWZl?= <course@c.test>"),
        ("", "From: course@c.test"),
        (" \r\n ", "From: course@c.test"),
    ],
)
def test_the_senders_name(name: str, line: str) -> None:
    mail = mime.mail(a_message(letter=a_letter(sender_name=name)))
    assert mail.decode().startswith(line + "\r\n")
    [sender] = parsed(mail)["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (one_line(name), "course@c.test")


def test_without_what_need_not_be_there() -> None:
    mail = parsed(mime.mail(a_message(letter=a_letter(reply_to="", headers={}))))
    assert "Reply-To" not in mail


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("a@x.test", "a@x.test"),
        ("A.b+c_d'e@X.test", "A.b+c_d'e@X.test"),
        ("a@faß.de", "a@xn--fa-hia.de"),
        ("a@BÜCHER.test", "a@xn--bcher-kva.test"),
        ("jösé@bücher.test", "jösé@xn--bcher-kva.test"),
    ],
)
def test_an_address_for_the_wire(address: str, plain: str) -> None:
    assert mime.plain_address(address) == plain


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "@x.test",
        "a@",
        "a@b@x.test",
        "a b@x.test",
        "a@x.test,b@x.test",
        "a@x.test;b@x.test",
        "<a@x.test>",
        '"a"@x.test',
        "a(b)@x.test",
        "a@[127.0.0.1]",
        "a@x.test\r\nBcc: b",
        "a@x.test\n",
        "a\x00@x.test",
        "a\u200b@x.test",
        "a\u202e@x.test",
        "a\u00a0@x.test",
        "a@ü\ud83d.test",
        "a@-ü-.test",
        "a@ü..test",
    ],
)
def test_no_address(address: str) -> None:
    with pytest.raises(ValueError):
        mime.plain_address(address)


@pytest.mark.parametrize(
    "name",
    ["Bcc", "bcc", "To", "From", "Subject", "Date", "Content-Type", "Resent-To", "X:Y", "X Y", "X\r\nBcc", "", "Ü"],
)
def test_a_letter_has_no_such_header(name: str) -> None:
    with pytest.raises(ValueError, match="headers"):
        mime.mail(a_message(letter=a_letter(headers={name: "x"})))


@pytest.mark.parametrize("subject", ["ü" * 300, "¡" + "a" * 300, "a" * 3000, "a " * 1500, "📎" * 100])
def test_no_line_and_no_encoded_word_is_too_long(subject: str) -> None:
    mail = mime.mail(a_message(letter=a_letter(subject=subject, sender_name=subject)))
    head = mail.split(b"\r\n\r\n")[0]
    assert all(len(line) <= 998 for line in mail.split(b"\r\n"))
    assert max(len(word) for word in re.findall(rb"=\?utf-8\S*", head)) <= 75
    assert decoded(parsed(mail), "Subject") == subject.strip()


def test_a_header_is_ascii() -> None:
    mail = mime.mail(a_message(letter=a_letter(headers={"List-Help": "<https://läufe.test>"})))
    assert mail.isascii()


def test_half_a_surrogate_pair_is_no_reason_to_fail() -> None:
    letter = a_letter(
        subject="a\ud83d", sender_name="\ud83d", text="a\ud83d", html="\ud83d", headers={"List-Id": "\ud83d<a>"}
    )
    assert parsed(mime.mail(a_message(letter=letter))).get_body(("plain",)).get_content().split() == ["a?"]  # type: ignore[union-attr]


@given(subject=HOSTILE, name=HOSTILE, header=HOSTILE, text=HOSTILE, html=HOSTILE)
@example("a\r\nBcc: e@x", "a\r\nBcc: e@x", "a\r\nBcc: e@x", "", "")
@example("=?utf-8?q?=0ABcc:_e@x?=", "=?utf-8?q?=0ABcc:_e@x?=", "=?utf-8?q?=0ABcc:_e@x?=", "--=_" + "0" * 31 + "1", ".")
def test_nothing_that_somebody_wrote_becomes_a_header(
    subject: str, name: str, header: str, text: str, html: str
) -> None:
    letter = a_letter(
        sender_name=name, subject=subject, text=text, html=html, headers=HEADERS | {"List-Id": header + "<a.c.test>"}
    )
    mail = mime.mail(a_message(letter=letter))

    raw = email.message_from_bytes(mail)  # the old policy shows the lines as they are
    assert sorted(raw.keys()) == sorted([*OURS, "List-Id"])
    assert raw["To"] == "runner1@x.test"
    assert raw["List-Unsubscribe"] == UNSUBSCRIBE
    assert [address.addr_spec for address in parsed(mail)["To"].addresses] == ["runner1@x.test"]
    assert [part.get_content_type() for part in raw.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert all(len(line) <= 998 for line in mail.split(b"\r\n"))
    assert all(
        len(word) <= 75 for word in re.findall(rb"=\?\S*", mail.split(b"\r\n\r\n")[0]) if word.startswith(b"=?utf")
    )
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", mail)
    assert mail.endswith(b"--\r\n")


@given(HOSTILE)
def test_what_was_written_is_what_is_read(written: str) -> None:
    mail = parsed(mime.mail(a_message(letter=a_letter(subject=written, text=written, html=written))))
    clean = written.encode("utf-8", "replace").decode()
    assert decoded(mail, "Subject") == one_line(written)
    for subtype in ("plain", "html"):
        part = mail.get_body((subtype,))
        assert part is not None
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        assert lines(content) == lines(clean.encode())


def test_values_stand_where_their_slots_were() -> None:
    mail = parsed(mime.mail(greeting("Jörg\r\nBcc: a <b>")))
    assert decoded(mail, "Subject") == "Hallo Jörg Bcc: a <b>!"
    html = mail.get_body(("html",))
    assert html is not None
    assert "a &lt;b&gt;!" in html.get_content()


def parsed(mail: bytes) -> EmailMessage:
    return email.message_from_bytes(mail, policy=policy.default)  # type: ignore[return-value]


def decoded(mail: EmailMessage, name: str) -> str:
    return one_line(str(email.header.make_header(email.header.decode_header(raw(mail, name)))))


def raw(mail: EmailMessage, name: str) -> str:
    return next(value for header, value in mail.raw_items() if header == name)


def lines(content: bytes) -> list[bytes]:
    """Every end of line is the same to a mail."""
    return content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n").split(b"\n")

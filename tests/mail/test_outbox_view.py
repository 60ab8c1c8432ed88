import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from course.mail.outbox import Outbox
from course.mail.outbox_view import Entry, newest, opened
from tests.mail.letters import UNSUBSCRIBE, a_letter, a_message, a_send_id

NOON = datetime(2027, 1, 2, 12, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


def post(path: Path, number: int, minutes: int = 0, **letter: str) -> None:
    Outbox(path, lambda: NOON + timedelta(minutes=minutes)).send([a_message(number, letter=a_letter(**letter))], "k")
    os.utime(path / "new" / f"{a_send_id(number)}.eml", (NOON.timestamp() + minutes, NOON.timestamp() + minutes))


def put(path: Path, number: int, content: bytes) -> str:
    (path / "new").mkdir(parents=True, exist_ok=True)
    (path / "new" / f"{a_send_id(number)}.eml").write_bytes(content)
    return a_send_id(number)


def test_the_newest_first_by_pages(path: Path) -> None:
    for number, minutes in ((1, 30), (2, 10), (3, 20), (4, 40)):
        post(path, number, minutes, subject=f"Läufe {number}")
    assert newest(path, 2) == [
        Entry(a_send_id(4), NOON + timedelta(minutes=40), "runner4@x.test", "Läufe 4"),
        Entry(a_send_id(1), NOON + timedelta(minutes=30), "runner1@x.test", "Läufe 1"),
    ]
    assert [entry.send_id for entry in newest(path, 2, 2)] == [a_send_id(3), a_send_id(2)]
    assert newest(path, 2, 4) == []


def test_no_outbox_yet(path: Path) -> None:
    assert newest(path, 10) == []
    assert opened(path, a_send_id(1)) is None


def test_a_mail_in_full(path: Path) -> None:
    post(path, 7, text="Läufe langsam.\n.\n", html="<p>Läufe</p>", subject="ü" * 100)
    mail = opened(path, a_send_id(7))
    assert mail is not None
    assert mail.entry == Entry(a_send_id(7), NOON, "runner7@x.test", "ü" * 100)
    assert mail.headers[:3] == (
        ("Date", "Sat, 02 Jan 2027 12:00:00 +0000"),
        ("From", "Läufe, leicht <course@c.test>"),
        ("To", "runner7@x.test"),
    )
    assert ("List-Unsubscribe", UNSUBSCRIBE) in mail.headers
    assert mail.text == "Läufe langsam.\n.\n"
    assert mail.html == "<p>Läufe</p>\n"
    assert mail.source.startswith("Date: Sat, 02 Jan 2027 12:00:00 +0000\r\nFrom: =?utf-8?")


def test_a_mail_that_was_moved_to_cur(path: Path) -> None:
    post(path, 1)
    (path / "new" / f"{a_send_id(1)}.eml").rename(path / "cur" / f"{a_send_id(1)}.eml:2,S")
    assert [entry.send_id for entry in newest(path, 5)] == [a_send_id(1)]
    assert opened(path, a_send_id(1)) is not None


def test_letters_before_the_at(path: Path) -> None:
    Outbox(path, lambda: NOON).send([a_message(1, to="jösé@x.test")], "k")
    assert newest(path, 1)[0].to == "jösé@x.test"


@pytest.mark.parametrize(
    "send_id",
    [
        "",
        ".",
        "..",
        "../secret",
        "/etc/passwd",
        "*",
        "?" * 32,
        f"../new/{a_send_id(1)}",
        f"{a_send_id(1)}.eml",
        a_send_id(1).upper().replace("1", "A"),
        a_send_id(1) + "\n",
        a_send_id(1) + "\x00",
        "ａ" * 32,
        a_send_id(2),
    ],
)
def test_an_id_that_is_none(path: Path, send_id: str) -> None:
    post(path, 1)
    (path.parent / "secret").write_text("s")
    assert opened(path, send_id) is None


def test_other_peoples_files_are_left_out(path: Path) -> None:
    post(path, 1)
    for name in (
        "x.eml",
        "1767.M1P2.host",
        f"{a_send_id(2)}.eml.bak",
        f"{a_send_id(3)}.txt",
        ".hidden",
        "dovecot.index",
    ):
        (path / "new" / name).write_text("Subject: foreign\n\n")
    (path / "new" / f"{a_send_id(4)}.eml").mkdir()
    (path / "new" / f"{a_send_id(5)}.eml").symlink_to(path / "nowhere")
    (path / "tmp" / f"{a_send_id(6)}.eml").write_text("Subject: half\n\n")
    assert [entry.send_id for entry in newest(path, 9)] == [a_send_id(1)]
    assert opened(path, a_send_id(4)) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff\xfe",
        b"no header at all",
        b"Date: Fri, 01 Jan 2027 00:00:00 -0000\n\n",
        b"Date: yesterday\r\nSubject: =?klingon?b?xxx?=\r\n\r\nHallo",
        b"Subject: =?utf-8?b?x?=\nTo: =?utf-8?q?=FF?=\nContent-Type: text/plain; charset=klingon\n\nHallo",
        b"Content-Type: text/plain; charset=idna\n\n\xff..\xff",
        b"Content-Type: text/html; charset=base64\n\nHallo",
        b"Content-Type: multipart/alternative\n\nHallo",
        b"Content-Type: multipart/mixed; boundary=\n\n--\n--\n",
        b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n%%%",
        b"Content-Type: text/plain\nContent-Transfer-Encoding: uuencode\n\nbegin 666 x\n~~~",
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(1200)),
    ],
)
def test_a_broken_mail_shows_what_can_be_read(path: Path, content: bytes) -> None:
    send_id = put(path, 1, content)
    [entry] = newest(path, 5)
    mail = opened(path, send_id)
    assert mail is not None
    assert entry.send_id == mail.entry.send_id == send_id
    assert entry.date.tzinfo is not None
    assert mail.source == content.decode("utf-8", "replace")


@given(
    content=st.lists(
        st.binary(max_size=6)
        | st.sampled_from(
            [
                b"\n",
                b"\r\n",
                b"\n\n",
                b"Subject: ",
                b"Date: ",
                b"To: ",
                b"Content-Type: ",
                b"multipart/mixed; boundary=a",
                b"--a",
                b"--a--",
                b"text/plain; charset=",
                b"text/html",
                b"=?utf-8?q?=0A",
                b"?=",
                b"=?x?b?",
                b"\x80",
                b"Content-Transfer-Encoding: base64",
                b"; charset*0*=utf-8''%ff",
                b"Fri, 1 Jan 2027 00:00:00 +9999",
            ]
        )
    ).map(b"".join)
)
@example(b"Content-Type: text/plain; charset*=utf-8''%ff\n\nx")
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_in_a_file_raises(path: Path, content: bytes) -> None:
    send_id = put(path, 1, content)
    [entry] = newest(path, 5)
    mail = opened(path, send_id)
    assert mail is not None
    assert all("\n" not in value for _, value in mail.headers)
    assert "\n" not in entry.subject


def test_a_list_reads_heads_only(path: Path) -> None:
    put(path, 1, b"Subject: long\n\n" + b"x" * 9_000_000)
    assert newest(path, 1)[0].subject == "long"
    mail = opened(path, a_send_id(1))
    assert mail is not None
    assert len(mail.source) == 8 * 1024 * 1024

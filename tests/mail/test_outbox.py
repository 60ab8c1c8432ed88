import email
import mailbox
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email import policy
from pathlib import Path

import pytest

from course.core.outcome import Accepted, Misconfigured
from course.mail.outbox import Outbox
from tests.mail.letters import a_letter, a_message, a_send_id


def now() -> datetime:
    return datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "outbox"


@pytest.fixture
def outbox(path: Path) -> Outbox:
    return Outbox(path, now)


def test_a_mail_is_a_file_named_by_its_send_id(outbox: Outbox, path: Path) -> None:
    assert outbox.send([a_message(7)], "k") == [Accepted()]
    [file] = all_files(path)
    assert file == path / "new" / "00000000000000000000000000000007.eml"
    mail = email.message_from_bytes(file.read_bytes(), policy=policy.default)
    assert mail["Date"].datetime == now()
    assert mail["Subject"] == "Lesson 1: schön langsam"
    assert mail["To"] == "runner7@x.test"


def test_only_the_owner_may_read_it(outbox: Outbox, path: Path) -> None:
    outbox.send([a_message()], "k")
    folders = [path, path / "tmp", path / "new", path / "cur"]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700] * 4
    assert [stat.S_IMODE(file.stat().st_mode) for file in all_files(path)] == [0o600]


def test_twice_the_same_id_is_one_file(outbox: Outbox, path: Path) -> None:
    outbox.send([a_message(letter=a_letter(subject="first"))], "k")
    assert outbox.send([a_message(letter=a_letter(subject="second"))], "k") == [Accepted()]
    [file] = all_files(path)
    assert b"Subject: second" in file.read_bytes()


@pytest.mark.parametrize("mark", ["", ":2,S", ",S=1204:2,RS"])
def test_what_a_mail_program_has_shown_is_not_new_again(outbox: Outbox, path: Path, mark: str) -> None:
    outbox.send([a_message()], "k")
    [file] = all_files(path)
    file.rename(path / "cur" / f"{file.name}{mark}")
    assert outbox.send([a_message()], "k") == [Accepted()]
    assert [file.parent.name for file in all_files(path)] == ["cur"]


def test_python_reads_it_as_a_maildir(outbox: Outbox, path: Path) -> None:
    for number in (1, 2, 3):
        outbox.send([a_message(number)], "k")
    maildir = mailbox.Maildir(path, create=False)
    assert sorted(mail["To"] for mail in maildir) == [f"runner{number}@x.test" for number in (1, 2, 3)]


def test_from_many_threads(outbox: Outbox, path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(outbox.send, [a_message(number % 10)], "k") for number in range(80)]
        assert all(call.result() == [Accepted()] for call in calls)
    assert len(all_files(path)) == 10


def test_look_up_is_exact(outbox: Outbox, path: Path) -> None:
    one, two, three, four = (a_send_id(number) for number in (1, 2, 3, 4))
    assert outbox.settle == timedelta(0)
    assert outbox.look_up([one]) == {one: None}, "where there is no outbox yet there is no mail"
    outbox.send([a_message(1)], "k")
    outbox.send([a_message(2)], "k")
    (path / "new" / f"{two}.eml").rename(path / "cur" / f"{two}.eml:2,S")
    (path / "tmp" / f"{three}.eml").write_bytes(b"half a m")
    (path / "new" / f"{four}.eml.bak").write_bytes(b"foreign")
    assert outbox.look_up([one, two, three, four]) == {one: "", two: "", three: None, four: None}
    assert outbox.look_up([]) == {}


def test_a_disk_that_takes_nothing(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("a file where the folder should be")
    [outcome] = Outbox(path, now).send([a_message()], "k")
    assert isinstance(outcome, Misconfigured)
    assert str(path) in outcome.reason
    assert Outbox(path, now).look_up([a_send_id(1)]) == {}, "it could not ask"


def test_half_a_mail_is_never_in_new(outbox: Outbox, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert outbox.send([a_message()], "k") == [Misconfigured(f"{path}: No space left on device")]
    assert all_files(path) == []


def test_it_is_on_disk_before_it_is_named_and_the_name_after(
    outbox: Outbox, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut after the outcome loses nothing: content, then name, then folder."""
    steps: list[str] = []
    sync, replace = os.fsync, os.replace

    def note_sync(handle: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "content")
        sync(handle)

    def note_replace(*names: str) -> None:
        steps.append("name")
        replace(*names)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_replace)
    outbox.send([a_message()], "k")
    assert steps == ["content", "name", "folder"]


@pytest.mark.parametrize("send_id", ["", "../x", "a" * 31, "a" * 33, "A" * 32, "a" * 32 + "\n", "a" * 31 + "/"])
def test_a_send_id_is_no_path(outbox: Outbox, send_id: str) -> None:
    message = a_message()
    hostile = type(message)(send_id, message.to, message.letter, message.values)
    with pytest.raises(ValueError, match="32 hex digits"):
        outbox.build([hostile])


def all_files(path: Path) -> list[Path]:
    return sorted(files_below(path))


def files_below(path: Path) -> Iterator[Path]:
    return (file for file in path.rglob("*") if file.is_file())

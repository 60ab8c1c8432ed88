"""Settings: what is refused, with which words, and what is never shown."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from course import settings
from course.core import setting_values
from course.core.errors import BadSettings
from course.settings import Settings

SECRET = "0123456789abcdef0123456789abcdef"
PEOPLE = {
    "COURSE_PROVIDER": "postmark",
    "COURSE_PROVIDER_KEY": "the-key-of-the-account",
    "COURSE_FROM": "coach@course.example",
    "COURSE_POSTAL_ADDRESS": "1 Test Street",
    "COURSE_PUBLIC_URL": "https://course.example",
}


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.upper().startswith("COURSE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))


def load(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return settings.load()


def refused(monkeypatch: pytest.MonkeyPatch, **environment: str) -> list[str]:
    with pytest.raises(BadSettings) as caught:
        load(monkeypatch, **environment)
    return str(caught.value).splitlines()


def test_without_any_setting_the_course_runs_here_and_reaches_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = load(monkeypatch)
    assert found.provider == "outbox"
    assert not found.reaches_people
    assert found.public_url == "http://127.0.0.1:8000"
    assert found.database == f"sqlite:///{tmp_path / 'home' / 'course.db'}"
    assert found.sender == "course@localhost.test"


BAD = {
    "COURSE_DATABASE_URL": [
        ("mysql://x/y", "'mysql://x/y': allowed are sqlite:////path/to/file and postgresql+psycopg://user@host/name"),
        ("course.db", "'course.db': allowed are sqlite:////path"),
        ("postgresql+psycopg2://me:geheim@host/name", "'postgresql+psycopg2://me:***@host/name': allowed are"),
        ("postgresql+psycopg://me@host:many/name", "'postgresql+psycopg://me@host:many/name': allowed are"),
    ],
    "COURSE_PUBLIC_URL": [
        ("course.example", "'course.example': allowed is an address like https://course.example"),
        ("ftp://course.example", "'ftp://course.example': allowed is an address like https://"),
        ("https://", "'https://': allowed is an address like https://"),
        ("https://course.example/?a=b", "'https://course.example/?a=b': allowed is"),
        ("https://course.example/#a", "'https://course.example/#a': allowed is"),
        ("https://me:geheim@course.example", "'https://me:***@course.example': allowed is"),
        ("https://[::1", "'https://[::1': allowed is an address like"),
        ("https://course.example:99999", "'https://course.example:99999': allowed is an address like"),
        ("https://course.example:x", "'https://course.example:x': allowed is an address like"),
    ],
    "COURSE_PROVIDER": [("mailgun", "'mailgun': input should be 'outbox', 'smtp', 'resend' or 'postmark'")],
    "COURSE_PROVIDER_URL": [
        ("smtp://[::1", "'smtp://[::1': allowed"),
        ("smtp://host:mail", "'smtp://host:mail': allowed"),
        ("smtp://me:geheim@host:mail", "'smtp://me:***@host:mail': allowed"),
    ],
    "COURSE_FROM": [
        ("Coach", "'Coach': allowed is an email address: "),
        ("Coach <c@x.test>", "'Coach <c@x.test>': allowed is an email address: "),
    ],
    "COURSE_REPLY_TO": [("a@b@c", "'a@b@c': allowed is an email address: ")],
    "COURSE_ALERT_URL": [
        ("pager", "'pager': allowed are https://… (pinged) and smtp://"),
        ("https://[::1", "'https://[::1': allowed are https://… (pinged) and smtp://"),
        ("https://", "'https://': allowed are https://… (pinged) and smtp://"),
        ("smtp://mail.test:25", "'smtp://mail.test:25': allowed are https://… (pinged) and smtp://"),
    ],
    "COURSE_SETTLE": [
        ("soon", "'soon': input should be a valid number"),
        ("-1", "'-1': input should be greater than or equal to 0"),
    ],
    "COURSE_TRUSTED_PROXIES": [
        ("many", "'many': input should be a valid integer"),
        ("11", "'11': input should be less than or equal to 10"),
        ("-1", "'-1': input should be greater than or equal to 0"),
    ],
    "COURSE_RATE_PER_SECOND": [("-1", "'-1': input should be greater than or equal to 0")],
    "COURSE_RATE_PER_DAY": [("1.5", "'1.5': input should be a valid integer")],
    "COURSE_WARM_UP": [("x", "'x': input should be a valid integer")],
    "COURSE_LOG_LEVEL": [("loud", "'loud': input should be 'debug', 'info', 'warning' or 'error'")],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value", "said"), [(name, *case) for name, cases in BAD.items() for case in cases])
def test_a_bad_value_is_refused_with_its_name_the_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    [line] = refused(monkeypatch, **{name: value})
    assert line.startswith(f"{name} is {said}")
    assert "geheim" not in line


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("COURSE_RATE_PER_DY", "COURSE_RATE_PER_DAY"),
        ("COURSE_SECRET", "COURSE_SECRET_KEY"),
        ("COURSE_DATABASE", "COURSE_DATABASE_URL"),
        ("course_warmup", "COURSE_WARM_UP"),
    ],
)
def test_a_misspelt_setting_is_not_passed_over(monkeypatch: pytest.MonkeyPatch, name: str, meant: str) -> None:
    assert refused(monkeypatch, **{name: "1"}) == [f"{name} is no setting: {meant} is meant, or another name"]


def test_what_looks_like_no_setting_belongs_to_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    load(monkeypatch, COURSE_ID="7", COURSE_LONG="1", COURSE_="x", course_log_level="info")


def test_the_journal_lies_outside_of_what_a_backup_puts_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    [line] = refused(monkeypatch, COURSE_HOME=str(tmp_path), COURSE_JOURNAL=str(tmp_path / "journal"))
    assert line.startswith(f"COURSE_JOURNAL is '{tmp_path}/journal': a backup of COURSE_HOME would put it back too")


@pytest.mark.parametrize(
    ("provider", "words", "said"),
    [
        ("postmark", "geheim/geheim+=", "has a word that cannot stand in an address"),
        ("resend", "geheim", "lacks the webhook's own whsec_…"),
    ],
)
def test_a_secret_by_which_no_event_could_come_in_is_refused(
    monkeypatch: pytest.MonkeyPatch, provider: str, words: str, said: str
) -> None:
    real = {"PUBLIC_URL": "https://c.test", "FROM": "a@c.test", "POSTAL_ADDRESS": "1 Main Street", "PROVIDER_KEY": "k"}
    settings = {f"COURSE_{name}": value for name, value in real.items()}
    [line] = refused(monkeypatch, **settings, COURSE_PROVIDER=provider, COURSE_HOOK_SECRET=words)
    assert said in line
    assert "geheim" not in line


def test_every_bad_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = refused(monkeypatch, COURSE_PROVIDER="x", COURSE_FROM="y", COURSE_SETTLE="z")
    assert [line.split(" is ")[0] for line in lines] == ["COURSE_PROVIDER", "COURSE_FROM", "COURSE_SETTLE"]


@pytest.mark.parametrize("value", ["short", f"{SECRET} short", " ", "\n", "x" * 31])
def test_a_secret_that_could_be_guessed_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    [line] = refused(monkeypatch, COURSE_SECRET_KEY=value)
    assert line == "COURSE_SECRET_KEY is too short: allowed are 32 characters or more, random"


def test_several_secrets_are_told_apart_by_blanks_and_the_first_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, COURSE_SECRET_KEY=f" {SECRET}\n{SECRET[::-1]} ").secrets == [SECRET, SECRET[::-1]]


@pytest.mark.parametrize("name", ["COURSE_FROM", "COURSE_POSTAL_ADDRESS", "COURSE_PROVIDER_KEY"])
def test_who_reaches_people_needs_a_sender_a_postal_address_and_a_key(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    [line] = refused(monkeypatch, **PEOPLE | {name: ""})
    assert line.startswith(f"{name} is empty: ")
    assert "needed because postmark reaches people" in line or "postmark needs its key" in line


def test_who_reaches_people_needs_https(monkeypatch: pytest.MonkeyPatch) -> None:
    [line] = refused(monkeypatch, **PEOPLE | {"COURSE_PUBLIC_URL": "http://course.example"})
    assert line == (
        "COURSE_PUBLIC_URL is 'http://course.example': an https:// address is needed because postmark reaches people"
    )


def test_all_that_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = refused(monkeypatch, COURSE_PROVIDER="smtp")
    assert [line.split()[0] for line in lines] == [
        "COURSE_PROVIDER_URL", "COURSE_FROM", "COURSE_POSTAL_ADDRESS", "COURSE_PUBLIC_URL",
    ]  # fmt: skip


def test_with_all_of_it_people_are_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    found = load(monkeypatch, **PEOPLE)
    assert found.reaches_people
    assert found.sender == "coach@course.example"
    assert found.settle_seconds == 1800


@pytest.mark.parametrize(
    ("provider", "url", "reaches"),
    [
        ("outbox", "", False),
        ("outbox", "https://api.postmarkapp.com", False),
        ("postmark", "", True),
        ("postmark", "http://127.0.0.1:9025", False),
        ("resend", "http://localhost:9025", False),
        ("resend", "http://[::1]:9025", False),
        ("resend", "http://127.9.9.9", False),
        ("resend", "http://192.168.0.7:9025", True),
        ("resend", "http://localhost.example:9025", True),
        ("resend", "http://127.0.0.1.example", True),
        ("smtp", "smtp://127.0.0.1:1025", False),
        ("smtp", "smtp://localhost:2525", False),
        ("smtp", "smtp://127.0.0.1:25", True),
        ("smtp", "smtp://127.0.0.1:465", True),
        ("smtp", "smtps://127.0.0.1:465", True),
        ("smtp", "smtp://127.0.0.1:587", True),
        ("smtp", "smtp://127.0.0.1", True),  # 587 if nothing is said
        ("smtp", "smtp://mail.example:1025", True),
    ],
)
def test_people_are_reached_unless_nothing_can_leave_this_machine(
    monkeypatch: pytest.MonkeyPatch, provider: str, url: str, reaches: bool
) -> None:
    """A relay on this machine sends mail on, so loopback does not make it harmless."""
    environment = PEOPLE | {"COURSE_PROVIDER": provider, "COURSE_PROVIDER_URL": url}
    assert load(monkeypatch, **environment).reaches_people is reaches


@pytest.mark.parametrize(
    ("provider", "url"), [("postmark", "http://127.0.0.1:9025"), ("smtp", "smtp://localhost:1025")]
)
def test_a_provider_on_this_machine_needs_nothing_more(
    monkeypatch: pytest.MonkeyPatch, provider: str, url: str
) -> None:
    found = load(monkeypatch, COURSE_PROVIDER=provider, COURSE_PROVIDER_URL=url, COURSE_PROVIDER_KEY="key")
    assert not found.reaches_people
    assert found.settle_seconds == 2


def test_how_long_to_settle_may_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(monkeypatch, **PEOPLE, COURSE_SETTLE="0").settle_seconds == 0


@pytest.mark.parametrize(
    ("url", "account"),
    [
        ("", "default"),
        ("https://api.postmarkapp.com/x", "api.postmarkapp.com"),
        ("smtp://me:geheim@mail.example:2525", "mail.example:2525"),
        ("https://" + "h" * 60, "h" * 40),
    ],
)
def test_the_account_is_named_by_its_host_and_never_by_a_password(
    monkeypatch: pytest.MonkeyPatch, url: str, account: str
) -> None:
    assert load(monkeypatch, COURSE_PROVIDER_URL=url).provider_account == account


def test_links_lead_to_where_the_site_listens_unless_something_else_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load(9000).public_url == "http://127.0.0.1:9000"
    monkeypatch.setenv("COURSE_PUBLIC_URL", "https://course.example/")
    assert settings.load(9000).public_url == "https://course.example"


@pytest.mark.parametrize("path", ["/data/course.db", "/data/a%20b.db"])
def test_a_database_may_be_named(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    assert load(monkeypatch, COURSE_DATABASE_URL=f"sqlite:///{path}").database == f"sqlite:///{path}"


def test_no_secret_and_no_password_is_in_the_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = PEOPLE | {
        "COURSE_SECRET_KEY": SECRET,
        "COURSE_HOOK_SECRET": "the-hook-of-the-account",
        "COURSE_DATABASE_URL": "postgresql+psycopg://me:geheim@host/name",
        "COURSE_PROVIDER_URL": "https://me:geheim@api.example",
        "COURSE_ALERT_URL": "smtp://me:geheim@mail.example:25/you@x.test",
    }
    found = load(monkeypatch, **environment)
    lines = {name: (value, source) for name, value, source, _ in settings.listing(found)}
    for hidden in ("geheim", SECRET, "the-hook-of-the-account", "the-key-of-the-account"):
        assert hidden not in repr(lines)
    assert SECRET not in repr(found)
    assert lines["COURSE_SECRET_KEY"] == ("(set)", "environment")
    assert lines["COURSE_PROVIDER_KEY"] == ("(set)", "environment")
    assert lines["COURSE_DATABASE_URL"] == ("postgresql+psycopg://me:***@host/name", "environment")
    assert lines["COURSE_SETTLE"] == ("", "default")


def test_the_listing_names_every_setting_with_its_meaning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = list(settings.listing(load(monkeypatch)))
    assert len(lines) == len(Settings.model_fields)
    assert all(name.startswith("COURSE_") and meaning for name, _, _, meaning in lines)
    assert "COURSE_FROM" in [name for name, *_ in lines]
    assert ("COURSE_SECRET_KEY", "(set)", str(tmp_path / "home" / "secret")) in [line[:3] for line in lines]


@hypothesis_settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["https", "smtp", "postgresql+psycopg"]),
    st.text("@:a1ß\n ", max_size=8) | st.text("/?#:a1ß\n ", max_size=8),
    st.sampled_from(["", "/name", ":25", ":25/you@x.test"]),
)
@example("smtp", "p@ss", ":25/you@x.test")
@example("https", "w/rd", "/a")
def test_a_password_is_in_no_url_that_is_shown(scheme: str, password: str, rest: str) -> None:
    """Also where it was not escaped and makes the URL unreadable: then it is shown why."""
    shown = setting_values.unmasked(f"{scheme}://me:x{password}-geheim@host{rest}")
    assert shown.startswith(f"{scheme}://me:***@")
    assert "geheim" not in shown


@pytest.mark.parametrize(
    "url", ["https://x.test:8000/a@b", "smtp://mail.test:25/you@x.test", "postgresql://me@/name", "", "x"]
)
def test_a_url_without_a_password_is_shown_as_it_is(url: str) -> None:
    assert setting_values.unmasked(url) == url


def test_the_secret_is_made_once_and_for_its_owner_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, second = load(monkeypatch), load(monkeypatch)
    path = tmp_path / "home" / "secret"
    assert first.secrets == second.secrets == path.read_text().split()
    assert len(first.secrets[0]) >= 60
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert os.listdir(path.parent) == ["secret"]


def test_processes_that_start_at_once_agree_on_one_secret(tmp_path: Path) -> None:
    code = "from course import settings; print(settings.load().secrets[0])"
    environment = {"PATH": os.environ["PATH"], "COURSE_HOME": str(tmp_path / "raced")}
    command = [sys.executable, "-c", code]
    started = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = {process.communicate()[0] for process in started}
    assert len(said) == 1
    assert said == {(tmp_path / "raced" / "secret").read_text()}
    assert os.listdir(tmp_path / "raced") == ["secret"]


def test_whoever_comes_second_keeps_the_secret_of_the_first(tmp_path: Path) -> None:
    """Both looked and found none; links that the first one made must stay good."""
    path = tmp_path / "secret"
    settings._make_secret(path)
    first = path.read_text()
    settings._make_secret(path)
    assert path.read_text() == first
    assert os.listdir(tmp_path) == ["secret"]


def test_a_secret_that_is_there_is_read_where_nothing_can_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    kept = load(monkeypatch).secrets
    before = (home.stat().st_mtime_ns, sorted(os.listdir(home)))
    assert load(monkeypatch).secrets == kept
    assert (home.stat().st_mtime_ns, sorted(os.listdir(home))) == before


@pytest.mark.parametrize("content", ["", "\n", "short\n"])
def test_a_secret_file_that_is_empty_or_short_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "secret").write_text(content)
    [line] = refused(monkeypatch)
    assert "too short" in line
    assert str(tmp_path / "home" / "secret") in line


def test_a_home_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    [line] = refused(monkeypatch, COURSE_HOME=str(tmp_path / "file" / "home"))
    assert line == f"COURSE_HOME is {str(tmp_path / 'file' / 'home')!r}: the folder cannot be made (Not a directory)"


def test_a_secret_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "home" / "secret").mkdir(parents=True)
    [line] = refused(monkeypatch)
    assert line == f"{tmp_path / 'home' / 'secret'} cannot be used for the secret key: Is a directory"


def test_settings_cannot_be_changed_after_they_were_read(monkeypatch: pytest.MonkeyPatch) -> None:
    found = load(monkeypatch)
    with pytest.raises(ValueError, match="frozen"):
        found.provider = "smtp"

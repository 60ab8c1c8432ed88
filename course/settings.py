"""The settings, and the only reader of the environment.

Everything is `COURSE_…`; what is not set has a default that works on one machine and reaches nobody.
"""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from course.core import setting_values
from course.core.errors import BadSettings
from course.core.setting_values import unmasked

PREFIX = "COURSE_"
RELAY_PORTS = {25, 465, 587}  # an SMTP server here sends mail on, also when it is on this machine
SECRET_LENGTH = 32


def _state_folder() -> Path:
    """The user's folder for what programs keep; beside the data where there is no such place."""
    state = os.environ.get("XDG_STATE_HOME")
    try:
        return (Path(state) if state else Path.home() / ".local" / "state") / "email-course"
    except RuntimeError:
        return Path("var-journal")


Mailbox = Annotated[str, AfterValidator(setting_values.mailbox)]
ProviderName = Literal["outbox", "smtp", "resend", "postmark"]


class Settings(BaseSettings):
    """Every setting, checked. The description is what `course settings` shows."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", validate_default=True)

    home: Path = Field(Path("var"), description="Folder for the database, the secret and the outbox")
    database_url: Annotated[str, AfterValidator(setting_values.database_url)] = Field(
        "", description="sqlite:////path or postgresql+psycopg://…; empty: course.db in the home folder"
    )
    public_url: Annotated[str, AfterValidator(setting_values.http_url)] = Field(
        "http://127.0.0.1:8000", description="Where readers reach this site; every link in a mail begins with it"
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="Signs links; several separated by blanks: the first signs, the others are still believed",
    )
    provider: ProviderName = Field("outbox", description="Who delivers mail; outbox keeps it in a folder")
    provider_url: Annotated[str, AfterValidator(setting_values.provider_url)] = Field(
        "", description="The provider's base URL, or smtp://user:pass@host:port"
    )
    provider_key: SecretStr = Field(SecretStr(""), description="The provider's API key or token")
    provider_stream: str = Field("broadcast", description="Postmark: the message stream that all mail goes through")
    hook_secret: SecretStr = Field(
        SecretStr(""),
        description="The last part of /hooks/<provider>/…, and for Resend the whsec_… of the webhook; separated by "
        "blanks, all are believed; empty: no events are taken",
    )
    from_: Mailbox = Field("", alias="COURSE_FROM", description="The sender's address")
    reply_to: Mailbox = Field("", description="Where replies to lessons go; empty: to the sender")
    postal_address: str = Field("", description="Stands at the foot of every lesson, as the law asks")
    alert_url: Annotated[str, AfterValidator(setting_values.alert_url)] = Field(
        "",
        description="Told of every alarm, and that it is over: https://… or smtp://user:pass@host:port/you@example.org",
    )
    settle: float | None = Field(
        None, ge=0, description="Seconds until a look-up that finds nothing is believed; empty: 1800, on loopback 2"
    )
    journal: Path = Field(
        default_factory=_state_folder,
        description="Folder of the journal of what was sent; not in COURSE_HOME: it notices a restored backup",
    )
    rate_per_second: int = Field(0, ge=0, description="Most messages a second; 0: no limit")
    rate_per_day: int = Field(0, ge=0, description="Most messages a day (UTC); 0: no limit")
    warm_up: int = Field(
        0, ge=0, description="Messages on a new account's first day, twice as many each day after; 0: no ramp"
    )
    signups_per_ip: int = Field(
        20, ge=0, description="Sign-ups an hour from one address before it has to wait or prove work; 0: no limit"
    )
    signups_per_network: int = Field(
        60, ge=0, description="Likewise from one network (IPv4 /24, IPv6 /64); 0: no limit"
    )
    signups_waited: int = Field(
        300, ge=0, description="Sign-ups an hour from one network that waited five seconds; 0: no limit"
    )
    signups_worked: int = Field(
        3000, ge=0, description="Sign-ups an hour from one network with a proof of work; 0: no limit"
    )
    trusted_proxies: int = Field(0, ge=0, le=10, description="How many proxies stand before this site")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="How much is logged")

    @model_validator(mode="after")
    def _reachable_people_need_more(self) -> Self:
        if problems := [*self._missing_for_provider(), *self._missing_for_people(), *self._unfit()]:
            raise ValueError("\n".join(problems))
        return self

    def _missing_for_provider(self) -> Iterator[str]:
        if self.provider == "smtp" and not self.provider_url:
            yield "COURSE_PROVIDER_URL is empty: smtp needs smtp://user:pass@host:port"
        if self.provider in {"resend", "postmark"} and not self.provider_key.get_secret_value():
            yield f"COURSE_PROVIDER_KEY is empty: {self.provider} needs its key"

    def _missing_for_people(self) -> Iterator[str]:
        if not self.reaches_people:
            return
        why = f"needed because {self.provider} reaches people"
        if not self.from_:
            yield f"COURSE_FROM is empty: the sender's address is {why}"
        if not self.postal_address.strip():
            yield f"COURSE_POSTAL_ADDRESS is empty: a postal address is {why}"
        if urlsplit(self.public_url).scheme != "https":
            yield f"COURSE_PUBLIC_URL is {self.public_url!r}: an https:// address is {why}"

    def _unfit(self) -> Iterator[str]:
        if self.journal.absolute().is_relative_to(self.home.absolute()):
            yield f"COURSE_JOURNAL is {str(self.journal)!r}: a backup of COURSE_HOME would put it back too"
        yield from setting_values.misspelt(os.environ, PREFIX, map(_name, Settings.model_fields))
        yield from setting_values.hook_problems(self.hook_secrets, signed=self.provider == "resend")

    @property
    def reaches_people(self) -> bool:
        """False where no mail can leave this machine: the outbox, or a provider on loopback."""
        return self.provider != "outbox" and not self.provider_on_loopback

    @property
    def provider_on_loopback(self) -> bool:
        parts = urlsplit(self.provider_url)
        if parts.scheme.startswith("smtp") and (parts.port or 587) in RELAY_PORTS:
            return False
        return setting_values.is_loopback(parts.hostname or "")

    @property
    def provider_account(self) -> str:
        """Names the account in the database: the provider's host, never a key or a password."""
        return (urlsplit(self.provider_url).netloc.rpartition("@")[2] or "default")[:40]

    @property
    def settle_seconds(self) -> float:
        if self.settle is not None:
            return self.settle
        return 2 if self.provider_on_loopback else 1800

    @property
    def database(self) -> str:
        """The SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.home.absolute() / 'course.db'}"

    @property
    def sender(self) -> str:
        """The address in From: where nobody is reached, one that cannot be answered will do."""
        return self.from_ or "course@localhost.test"

    @property
    def hook_secrets(self) -> list[str]:
        """Those that are believed now; while they rotate there are two."""
        return self.hook_secret.get_secret_value().split()

    @property
    def secrets(self) -> list[str]:
        return self.secret_key.get_secret_value().split()


def load(port: int | None = None) -> Settings:
    """Reads the environment, makes the home folder and its secret where they are missing. Raises BadSettings.

    `port` is where the site listens: without COURSE_PUBLIC_URL, links lead there.
    """
    here: dict[str, Any] = {}
    if port and f"{PREFIX}PUBLIC_URL" not in os.environ:
        here = {"public_url": f"http://127.0.0.1:{port}"}
    try:
        found = Settings(**here)
    except ValidationError as error:
        raise BadSettings("\n".join(_lines(error))) from None
    _make_home(found.home)
    said = found.secret_key.get_secret_value()
    secret = said or _kept_secret(found.home / "secret")
    if not secret.split() or any(len(part) < SECRET_LENGTH for part in secret.split()):
        where = "COURSE_SECRET_KEY" if said else str(found.home / "secret")
        raise BadSettings(f"{where} is too short: allowed are {SECRET_LENGTH} characters or more, random")
    return found.model_copy(update={"secret_key": SecretStr(secret)})


def _name(field: str) -> str:
    return Settings.model_fields[field].alias or f"{PREFIX}{field.upper()}"


def listing(settings: Settings) -> Iterator[tuple[str, str, str, str]]:
    """(name, value, source, meaning) of each setting; secrets are masked."""
    for field, info in Settings.model_fields.items():
        name = _name(field)
        value = getattr(settings, field)
        shown = ("(set)" if value.get_secret_value() else "") if isinstance(value, SecretStr) else unmasked(value)
        source = "environment" if name in os.environ else "default"
        if field == "secret_key" and source == "default":
            source = str(settings.home / "secret")
        yield name, shown, source, info.description or ""


def _lines(error: ValidationError) -> Iterator[str]:
    for problem in error.errors():
        message = problem["msg"].removeprefix("Value error, ")
        if not problem["loc"]:
            yield message
            continue
        name = str(problem["loc"][0])
        name = name if name.startswith(PREFIX) else f"{PREFIX}{name.upper()}"
        yield f"{name} is {unmasked(problem['input'])!r}: {message[0].lower()}{message[1:]}"


def _make_home(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadSettings(f"COURSE_HOME is {str(home)!r}: the folder cannot be made ({error.strerror})") from None


def _kept_secret(path: Path) -> str:
    """The installation's own secret, made at first use, readable by its owner only."""
    try:
        if not path.exists():
            _make_secret(path)
        return path.read_text().strip()
    except OSError as error:
        raise BadSettings(f"{path} cannot be used for the secret key: {error.strerror}") from None


def _make_secret(path: Path) -> None:
    """Written beside and linked: two processes that start at once agree on one secret, and none reads half of it."""
    beside = path.with_name(f".secret-{secrets.token_hex(8)}")  # in containers every process has the same number
    beside.touch(mode=0o600)
    beside.write_text(secrets.token_urlsafe(48) + "\n")
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()

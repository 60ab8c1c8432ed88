"""Wiring: settings to working parts. A door, so it may read the clock and draw random numbers."""

import random
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from flask import Flask

from course import __version__
from course.actions import guarding, installing, lanes
from course.actions.lanes import Backoff
from course.actions.letters import Letters
from course.actions.sending import Sending
from course.actions.signup_caps import SignupCaps
from course.core.caps import Caps
from course.core.clock import Now
from course.core.errors import BadSettings
from course.core.links import Links
from course.core.tokens import Tokens, mark
from course.mail import registry
from course.mail.alert import Tell, teller
from course.mail.provider import Provider
from course.mail.render import Composer
from course.paths import shipped
from course.settings import Settings
from course.store import courses, installation
from course.store.db import Database
from course.store.journal import Journal
from course.store.migrations import migrate
from course.web import create_app
from course.web.services import Services
from course.worker.alarm import AlarmBell
from course.worker.importing import Importer
from course.worker.loop import Loop
from course.worker.notifier import Notifier
from course.worker.sender import Sender
from course.worker.weekly import WeeklyMail

SHORT_LEASE = timedelta(seconds=15)  # where a call that was left alone can be cleared up at once
LEASE = timedelta(minutes=10)  # longer than any provider keeps a silent connection open
LESSON_THREADS = 4
CAP, CAP_LOOPBACK = 600.0, 5.0  # longest backoff, seconds
CAP_ALONE = 4 * 3600.0  # of a message that is put off by itself, where people are reached


@dataclass(frozen=True, slots=True)
class Parts:
    """A course that is ready to run: its database is up to date."""

    settings: Settings
    database: Database
    id_key: bytes
    letters: Letters
    speed: int

    def now(self) -> Now:
        """Both clocks. A calendar at ordinary speed needs no look into the database unless it once ran fast."""
        machine = datetime.now(UTC)
        if self.speed == 1 and self.settings.reaches_people:
            return Now(machine, machine)
        with self.database.read() as session:
            return Now(machine, installing.calendar(session, machine).now(machine))


def open_course(settings: Settings, speed: int | None = None, *, new_secret: bool = False) -> Parts:
    """Brings the database up to date and opens it. `speed` None leaves the calendar as it is, as commands do beside a
    running server. `new_secret`: the one that signed until now is lost."""
    database, now = Database(settings.database), datetime.now(UTC)
    if database.is_sqlite and database.url.database:
        Path(database.url.database).touch(mode=0o600)  # what SQLite puts beside it gets the same rights
    migrate(database)
    with database.write() as session:
        row = installing.install(session, now, lambda: secrets.token_bytes(32))
        installing.check_secret(row, [mark(secret) for secret in settings.secrets], is_new=new_secret)
        if speed is not None:
            installing.set_calendar(row, speed=speed, reaches_people=settings.reaches_people, now=now)
    letters = Letters(
        composer=Composer(shipped("templates") / "mail"),
        links=Links(settings.public_url, Tokens(settings.secrets)),
        id_key=row.key,
        sender_email=settings.sender,
        reply_to=settings.reply_to,
        postal_address=settings.postal_address,
    )
    return Parts(settings, database, row.key, letters, row.speed)


def provider_of(settings: Settings) -> Provider:
    try:
        return registry.provider_named(
            settings.provider,
            url=settings.provider_url,
            key=settings.provider_key.get_secret_value(),
            message_stream=settings.provider_stream,
            outbox_path=settings.home / "outbox",
            settle=timedelta(seconds=settings.settle_seconds),
            now=lambda: datetime.now(UTC),
        )
    except ValueError as error:
        raise BadSettings(f"COURSE_PROVIDER is {settings.provider!r} and cannot be used: {error}") from None


def web_app(parts: Parts) -> Flask:
    return create_app(
        Services(
            database=parts.database,
            letters=parts.letters,
            now=parts.now,
            machine=lambda: datetime.now(UTC),
            public_url=parts.settings.public_url,
            trusted_proxies=parts.settings.trusted_proxies,
            outbox=parts.settings.home.absolute() / "outbox" if parts.settings.provider == "outbox" else None,
            hook=registry.hook_named(parts.settings.provider, parts.settings.hook_secrets),
            account=parts.settings.provider_account,
            journal=journal_of(parts, f"web-{secrets.token_hex(8)}"),
            templates=shipped("templates"),
            version=__version__,
            secrets=parts.settings.secrets,
            chance=secrets.token_bytes,
            signup_caps=_signup_caps(parts.settings),
        )
    )


def _signup_caps(settings: Settings) -> SignupCaps:
    return SignupCaps(
        settings.signups_per_ip, settings.signups_per_network, settings.signups_waited, settings.signups_worked
    )


def _way_out(parts: Parts) -> tuple[Sending, Backoff]:
    provider = provider_of(parts.settings)
    quick = parts.settings.provider_on_loopback or parts.settings.provider == "outbox"
    sending = Sending(
        provider=provider,
        account=parts.settings.provider_account,
        letters=parts.letters,
        lease=SHORT_LEASE if quick or provider.honours_keys else LEASE,
        checks_window=parts.speed == 1,
        new_call_id=lambda: secrets.token_hex(16),
        caps=Caps(parts.settings.rate_per_second, parts.settings.rate_per_day, parts.settings.warm_up),
    )
    cap, alone = (CAP_LOOPBACK, CAP_LOOPBACK) if quick else (CAP, CAP_ALONE)
    return sending, Backoff(cap, random.Random(), alone)  # noqa: S311 (jitter)


def worker_loop(parts: Parts) -> tuple[Loop, Callable[[], None]]:
    """The worker's loop, not yet started, and what to call after it was stopped."""
    sending, backoff = _way_out(parts)
    process = secrets.token_hex(16)
    journal = journal_of(parts, process)
    with parts.database.write() as session:
        alone = parts.database.is_sqlite
        lanes.leave_others(session, sending.provider.name, sending.account, datetime.now(UTC))
        tripped = guarding.check(session, sending, journal.read(), now=parts.now(), alone=alone)
    if tripped:
        journal.settled(datetime.now(UTC))
    journal.began(datetime.now(UTC))
    _note_tick(parts, process)
    sender = Sender(parts.database, sending, parts.now, _awake, backoff, journal, time.sleep)
    notifier = Notifier(parts.database, sending, parts.now, backoff)
    loop = Loop(time.time, _awake, alarm_bell(parts).step)
    loop.every(0.5, lambda: sender.step("confirm"), "confirmations")
    loop.every(1, notifier.step, "notices")
    loop.every(3600, notifier.tidy, "tidy")
    loop.every(60, WeeklyMail(parts.database, parts.letters, parts.now).step, "monday mail")
    for number in range(LESSON_THREADS):  # while one waits for the provider, another marks
        loop.every(0.5, lambda: sender.step("lesson"), f"lessons {number}")
    loop.every(2, sender.settle, "settle")
    loop.every(900, sender.look_after, "look after")
    importer = Importer(parts.database, parts.now)
    loop.every(0.25, lambda: importer.step() and False, "imports")  # not at once again: sign-ups come between
    loop.every(1, sender.listen, "events")
    loop.every(1 if parts.speed > 1 else 5, lambda: _note_tick(parts, process), "tick")

    def close() -> None:
        sender.close()
        with parts.database.write() as session:
            installing.stop_calendar(session, datetime.now(UTC))

    return loop, close


def watch_loop(parts: Parts) -> Loop:
    """What every process does: notice that no worker is alive, and tell."""
    bell, loop = alarm_bell(parts), Loop(time.time, _awake)
    loop.every(30, bell.watch, "watch")
    loop.every(5, bell.ring, "alarms")
    return loop


def alarm_bell(parts: Parts) -> AlarmBell:
    return AlarmBell(parts.database, lambda: datetime.now(UTC), parts.letters, teller_of(parts.settings))


def teller_of(settings: Settings) -> Tell | None:
    """The road of alarms beside the coaches' mails, if there is one."""
    return teller(settings.alert_url, settings.sender, lambda: datetime.now(UTC)) if settings.alert_url else None


def journal_of(parts: Parts, process: str) -> Journal:
    """This process's journal, outside the data folder, in a place of the installation's own. Raises BadSettings."""
    journal = Journal(parts.settings.journal / sha256(parts.id_key).hexdigest()[:16], process)
    try:
        journal.make_folder()
    except OSError as error:
        name = f"COURSE_JOURNAL is {str(parts.settings.journal)!r}"
        raise BadSettings(f"{name}: the journal cannot be written there ({error.strerror})") from None
    return journal


def _note_tick(parts: Parts, process: str) -> bool:
    now = datetime.now(UTC)
    with parts.database.relaxed() as session:
        installation.beat(session, process, socket.gethostname(), now)
        guarding.lift_when_done(session, now)
        installation.note_tick(session, now)
        installing.note_calendar(session, now)
    return False


def _awake() -> float:
    """Seconds that went by, those too in which the machine slept."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def winners(settings: Settings) -> list[str]:
    """Which value is used where both the environment and a course say something."""
    parts = open_course(settings)
    with parts.database.read() as session:
        return [
            f"{course.slug}: {name} = {getattr(settings, name) or getattr(course, name) or '(empty)'}   "
            f"[{'environment' if getattr(settings, name) else 'course.toml'}]"
            for course in courses.all_courses(session)
            for name in ("reply_to", "postal_address")
        ]

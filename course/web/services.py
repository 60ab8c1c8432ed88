"""What the web needs of the rest; handed over once, at start."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import cast

from flask import current_app

from course.actions.letters import Letters
from course.actions.signup_caps import SignupCaps
from course.core.clock import Now
from course.mail.hook import Hook
from course.store.db import Database
from course.store.journal import Journal


@dataclass(frozen=True, slots=True)
class Services:
    database: Database
    letters: Letters
    now: Callable[[], Now]
    machine: Callable[[], datetime]  # the clock of `now` that needs no look into the database
    public_url: str
    trusted_proxies: int
    outbox: Path | None  # its Maildir; None for every provider but the outbox
    templates: Path
    version: str
    secrets: Sequence[str]  # the first signs, the others are still believed
    chance: Callable[[int], bytes]  # so many random bytes
    hook: Hook | None = None  # None: no events are taken
    account: str = "default"  # the provider account that events belong to
    signup_caps: SignupCaps = field(default_factory=SignupCaps)
    journal: Journal | None = None  # told who left, so that a restored backup cannot bring them back


def services() -> Services:
    return cast(Services, current_app.extensions["course"])

"""Where a reader's mail arrives: our outbox, or the ledger of a fake provider."""

import email
import email.policy
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from email.message import EmailMessage
from functools import cache
from pathlib import Path

from tests.fake_provider.client import FakeProvider
from tests.flows.site import Site


@dataclass(frozen=True, slots=True)
class Mail:
    send_id: str
    to: str
    subject: str
    text: str
    list_unsubscribe: str

    @property
    def leave_url(self) -> str:
        [url] = re.findall(r"<(http[^>]+)>", self.list_unsubscribe)
        return str(url)

    @property
    def confirm_url(self) -> str:
        [url] = set(re.findall(r"http\S+/confirmations/\S+", self.text))
        return str(url)


class Inbox(ABC):
    @abstractmethod
    def mails(self) -> list[Mail]:
        """All mail to everybody, oldest first."""

    def to(self, address: str) -> list[Mail]:
        return [mail for mail in self.mails() if mail.to == address]

    def confirmation(self, address: str) -> Mail | None:
        """The newest one."""
        return next((mail for mail in reversed(self.to(address)) if not mail.list_unsubscribe), None)

    def lessons(self, address: str) -> list[Mail]:
        return [mail for mail in self.to(address) if mail.list_unsubscribe]


class Maildir(Inbox):
    """The outbox of a site, read by Python's own `email`."""

    def __init__(self, site: Site):
        self._new = site.home / "outbox" / "new"

    def mails(self) -> list[Mail]:
        return [_mail(path) for path in self.files()]

    def files(self) -> list[Path]:
        return sorted(self._new.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)


@cache
def _mail(path: Path) -> Mail:
    """A mail in the outbox never changes, and who waits for the next one looks through them many times a second."""
    mail = parsed(path)
    body = mail.get_body(("plain",))
    assert body is not None
    unsubscribe = str(mail["List-Unsubscribe"] or "")
    return Mail(path.stem, str(mail["To"]), str(mail["Subject"]), body.get_content(), unsubscribe)


def parsed(path: Path) -> EmailMessage:
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


class Ledger(Inbox):
    """What a fake provider truly took."""

    def __init__(self, fake: FakeProvider):
        self._fake = fake

    def mails(self) -> list[Mail]:
        entries = self._fake.entries()
        return [Mail(one.send_id, one.to, one.subject, one.text, one.list_unsubscribe) for one in entries]

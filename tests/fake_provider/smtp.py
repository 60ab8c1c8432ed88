"""The same as an SMTP server, by aiosmtpd: an entry in the ledger for every mail that got its final 250.

Acts: ok · ok_then_hang · ok_then_reset · 5xx (a 451 after the dot, nothing taken) · reject_all (what:
recipient is a 550 to RCPT, message a 554 after the dot) · 429 (a 421 to RCPT) · slow.
"""

import asyncio
import email
import email.policy
import hashlib
import threading
import time
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.fake_provider.ledger import Entry, Ledger
from tests.fake_provider.script import Script

LONG = 3600.0


class Handler:
    def __init__(self, ledger: Ledger, script: Script):
        self._ledger, self._script = ledger, script
        self.calls = 0

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any) -> str:
        act = envelope.act = self._script.for_send()  # type: ignore[attr-defined]
        refused = (self._script["refuse"] or {}).get(address) == "recipient"
        if refused or (act["do"] == "reject_all" and act.get("what", "recipient") == "recipient"):
            return "550 5.1.1 there is nobody of this name"
        if act["do"] == "429":
            return "421 4.7.0 too many messages, come back later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.calls += 1
        act = envelope.act  # type: ignore[attr-defined]
        if act["do"] == "5xx":
            return "451 4.3.0 not now"
        if act["do"] == "reject_all":
            return "554 5.6.0 not like this"
        await asyncio.sleep(act.get("accept_delay", self._script["accept_delay"] or 0.0))
        content = envelope.content
        assert isinstance(content, bytes)
        self._ledger.accept([_entry(content, to, f"{self.calls}") for to in envelope.rcpt_tos])
        await self._spoil(act, server)
        return "250 2.0.0 queued"

    async def _spoil(self, act: Any, server: SMTP) -> None:
        if act["do"] == "slow":
            await asyncio.sleep(float(act["seconds"]))
        if act["do"] == "ok_then_hang":
            await asyncio.sleep(float(act.get("for", LONG)))
        if act["do"] in {"ok_then_reset", "ok_then_hang"} and server.transport:
            server.transport.abort()  # type: ignore[attr-defined]
            raise asyncio.CancelledError


class SmtpServer:
    """Hangs up on a client that is silent for `silence` seconds."""

    def __init__(self, ledger: Ledger, script: Script, port: int, silence: float):
        self.handler = Handler(ledger, script)
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._server = self._loop.run_until_complete(
            self._loop.create_server(
                lambda: SMTP(self.handler, enable_SMTPUTF8=True, timeout=silence, loop=self._loop, ident="fake"),
                "127.0.0.1",
                port,
            )
        )
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.stopping = threading.Event()

    def serve(self) -> None:
        self._loop.run_until_complete(self._stopping.wait())

    def stop(self) -> None:
        self.stopping.set()
        self._loop.call_soon_threadsafe(self._stopping.set)


def _entry(content: bytes, to: str, call: str) -> Entry:
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    parts = {kind: _part(mail, kind) for kind in ("plain", "html")}
    identity = str(mail["Message-ID"]).strip("<>")
    return Entry(
        at=time.time(),
        provider="smtp",
        id=identity,
        send_id=identity.partition("@")[0],
        to=to,
        subject=str(mail["Subject"]),
        list_unsubscribe=str(mail["List-Unsubscribe"] or ""),
        body_hash=hashlib.sha256(f"{mail['Subject']}\0{parts['plain']}\0{parts['html']}".encode()).hexdigest(),
        call=call,
        text=parts["plain"],
        unresolved=any("{{" in part for part in (str(mail["Subject"]), *parts.values())),
    )


def _part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    return body.get_content() if body else ""

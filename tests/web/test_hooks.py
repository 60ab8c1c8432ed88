"""`POST /hooks/<provider>/<secret>`: shut without a secret, verified, stored once, answered after the commit."""

import json
from pathlib import Path

import pytest

from course.mail.hook import Hook
from course.mail.postmark_hook import PostmarkHook
from course.mail.resend_hook import ResendHook
from course.store.models import ProviderEvent
from course.web import create_app
from course.web.services import Services
from tests.factories import World
from tests.mail.test_hooks import BODY, HEADERS, SECRET
from tests.web.site import sqlite_only

ROOT = Path(__file__).parents[2]
WORD = "a-long-random-word"
TOLD = json.dumps({"RecordType": "Delivery", "MessageID": "m", "Recipient": "a@b.test"}).encode()


def client(world: World, hook: Hook | None):  # type: ignore[no-untyped-def]
    services = Services(
        database=world.database,
        letters=world.letters,
        now=world.now,
        machine=lambda: world.machine,
        public_url="https://course.example",
        trusted_proxies=0,
        outbox=None,
        templates=ROOT / "templates",
        version="0",
        secrets=["s" * 32],
        chance=bytes,
        hook=hook,
    )
    return create_app(services).test_client()


def stored(world: World) -> int:
    with world.database.read() as session:
        return session.query(ProviderEvent).count()


def test_an_event_is_kept_once(world: World) -> None:
    here = client(world, PostmarkHook([WORD]))
    for _ in range(3):
        assert here.post(f"/hooks/postmark/{WORD}", data=TOLD).status_code == 204
    assert stored(world) == 1


@pytest.mark.parametrize(
    ("hook", "address", "status"),
    [
        (None, f"/hooks/postmark/{WORD}", 404),
        (PostmarkHook([WORD]), "/hooks/postmark/another-word", 401),
        (PostmarkHook([WORD]), f"/hooks/resend/{WORD}", 404),
        (ResendHook([SECRET, WORD]), f"/hooks/resend/{WORD}", 401),  # not signed
    ],
)
def test_a_shut_door_keeps_nothing(world: World, hook: Hook | None, address: str, status: int) -> None:
    assert client(world, hook).post(address, data=TOLD).status_code == status
    assert stored(world) == 0


def test_a_signed_event_of_resend_is_kept(world: World) -> None:
    world.machine = world.machine.fromtimestamp(1700000000, world.machine.tzinfo)
    here = client(world, ResendHook([SECRET, WORD]))
    assert here.post(f"/hooks/resend/{WORD}", data=BODY, headers=HEADERS).status_code == 204
    assert here.post(f"/hooks/resend/{WORD}", data=BODY + b" ", headers=HEADERS).status_code == 401
    assert stored(world) == 1


@sqlite_only
def test_what_cannot_be_kept_now_is_told_again(world: World) -> None:
    here = client(world, PostmarkHook([WORD]))
    with world.database.write() as session:
        ProviderEvent.__table__.drop(session.connection())  # type: ignore[attr-defined]
    assert here.post(f"/hooks/postmark/{WORD}", data=TOLD).status_code == 503


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 100_000, b"null", b"{}", b'{"RecordType": 7}'])
def test_odd_bodies_are_kept_and_answered(world: World, body: bytes) -> None:
    assert client(world, PostmarkHook([WORD])).post(f"/hooks/postmark/{WORD}", data=body).status_code == 204


def test_a_body_beyond_all_measure_is_refused(world: World) -> None:
    here = client(world, PostmarkHook([WORD]))
    assert here.post(f"/hooks/postmark/{WORD}", data=b" " * (2 * 1024 * 1024 + 1)).status_code == 413
    assert here.post(f"/hooks/postmark/{WORD}", data=TOLD, headers={"Content-Encoding": "gzip"}).status_code == 415

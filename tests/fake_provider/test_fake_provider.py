"""The fake provider keeps its own promises, and our adapters read every one of its behaviours as they must."""

import http.client
import http.server
import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from course.core.outcome import Accepted, Misconfigured, Outcome, Refused, Uncertain, Unreachable
from course.mail.http import Patience
from course.mail.json_provider import JsonProvider
from course.mail.postmark import Postmark
from course.mail.resend import Resend
from course.mail.smtp import Server, Smtp
from tests.fake_provider import hooks
from tests.fake_provider.client import FakeProvider
from tests.fake_provider.waiting import eventually
from tests.mail.letters import a_message, a_send_id

PATIENCE = Patience(connect=1, read=0.6, total=0.9)
RECIPIENT = Refused("", "recipient")
MESSAGE = Refused("", "message")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeProvider]:
    with FakeProvider(tmp_path_factory.mktemp("fake"), options=("--silence", "0.5", "--for", "120")) as found:
        yield found


@pytest.fixture
def fake(running: FakeProvider) -> FakeProvider:
    running.forget()
    return running


@pytest.fixture(params=["postmark", "resend"])
def adapter(request: pytest.FixtureRequest, fake: FakeProvider) -> Iterator[JsonProvider]:
    with closing(_adapter(request.param, fake)) as found:
        yield found


def _adapter(name: str, fake: FakeProvider) -> JsonProvider:
    if name == "postmark":
        return Postmark("token", settle=timedelta(0), base_url=fake.url, patience=PATIENCE)
    return Resend("re_key", base_url=fake.url, patience=PATIENCE)


def _send(adapter: JsonProvider, *numbers: int, key: str = "key") -> list[Outcome]:
    return adapter.send([a_message(number) for number in numbers], key)


def _taken(fake: FakeProvider) -> list[str]:
    return [entry.send_id for entry in fake.entries()]


def _kind(outcome: Outcome) -> Outcome | type[Outcome]:
    """Its class, and whose fault it is; a refused call says that nobody knows which message."""
    if isinstance(outcome, Refused):
        return RECIPIENT if outcome.scope == "recipient" else MESSAGE
    return type(outcome)


def test_the_ledger_tells_what_was_taken(fake: FakeProvider, adapter: JsonProvider) -> None:
    assert [_kind(one) for one in _send(adapter, 11, 12)] == [Accepted, Accepted]

    first, second = fake.entries()
    assert (first.send_id, second.send_id) == (a_send_id(11), a_send_id(12))
    assert (first.to, first.subject, first.provider) == ("runner11@x.test", "Lesson 1: schön langsam", adapter.name)
    assert first.list_unsubscribe.startswith("<https://course.test/u/")
    assert first.body_hash == second.body_hash
    assert not first.unresolved


ALL, NONE = True, False
MEANINGS: list[tuple[dict[str, object], list[Outcome | type[Outcome]], bool]] = [
    ({"do": "ok_then_hang", "for": 1}, [Uncertain] * 2, ALL),
    ({"do": "ok_then_reset"}, [Uncertain] * 2, ALL),
    ({"do": "ok_then_5xx"}, [Uncertain] * 2, ALL),
    ({"do": "200_html"}, [Uncertain] * 2, NONE),
    ({"do": "200_html", "accept": True}, [Uncertain] * 2, ALL),
    ({"do": "200_truncated"}, [Uncertain] * 2, ALL),
    ({"do": "200_wrong_length_array"}, [Uncertain] * 2, ALL),
    ({"do": "drip"}, [Uncertain] * 2, ALL),
    ({"do": "slow", "seconds": 0.1}, [Accepted] * 2, ALL),
    ({"do": "hang", "for": 1}, [Uncertain] * 2, NONE),
    ({"do": "reset"}, [Uncertain] * 2, NONE),
    ({"do": "5xx"}, [Uncertain] * 2, NONE),
    ({"do": "302"}, [Misconfigured] * 2, NONE),
    ({"do": "429", "retry_after": "2"}, [Unreachable] * 2, NONE),
    ({"do": "429", "retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, [Unreachable] * 2, NONE),
    ({"do": "429", "what": "quota"}, [Misconfigured] * 2, NONE),
    ({"do": "reject_all", "what": "account"}, [Misconfigured] * 2, NONE),
    ({"do": "reject_all", "what": "quota"}, [Misconfigured] * 2, NONE),
    ({"do": "reject_all", "what": "recipient"}, [RECIPIENT] * 2, NONE),
    ({"do": "reject_all", "what": "message"}, [MESSAGE] * 2, NONE),
]


@pytest.mark.parametrize(("act", "outcomes", "taken"), MEANINGS, ids=lambda value: str(value)[:40])
def test_each_behaviour_has_its_meaning(
    act: dict[str, object], outcomes: list[object], taken: bool, fake: FakeProvider, adapter: JsonProvider
) -> None:
    fake.behave(list=[act])

    assert [_kind(one) for one in _send(adapter, 21, 22, key=f"key {act}")] == outcomes

    assert _taken(fake) == ([a_send_id(21), a_send_id(22)] if taken else [])
    assert [_kind(one) for one in _send(adapter, 23, key="next")] == [Accepted], "the next request is not spoilt"


@pytest.mark.parametrize("what", ["recipient", "message"])
def test_one_bad_item_does_not_keep_the_others(what: str, fake: FakeProvider, adapter: JsonProvider) -> None:
    fake.behave(refuse={"runner2@x.test": what})

    assert [_kind(one) for one in _send(adapter, 1, 2, 3, key=what)] == [Accepted, Refused("", what), Accepted]  # type: ignore[arg-type]

    assert _taken(fake) == [a_send_id(1), a_send_id(3)]


def test_all_or_nothing_takes_nothing_for_one(fake: FakeProvider, adapter: JsonProvider) -> None:
    fake.behave(all_or_nothing=True, refuse={"runner2@x.test": "message"})

    assert [_kind(one) for one in _send(adapter, 1, 2, 3, key="strict")] == [MESSAGE] * 3

    assert _taken(fake) == []


def test_a_wrong_key_is_an_account_s_fault(fake: FakeProvider, adapter: JsonProvider) -> None:
    fake.behave(key="another")

    assert [_kind(one) for one in _send(adapter, 1)] == [Misconfigured]


def test_rates_are_drawn_by_the_seed(fake: FakeProvider) -> None:
    def drawn(seed: int) -> list[object]:
        fake.behave(seed=seed, rates={"ok_then_5xx": 0.5})
        with closing(_adapter("postmark", fake)) as adapter:
            return [_kind(_send(adapter, number)[0]) for number in range(1, 21)]

    first = drawn(1)

    assert set(first) == {Accepted, Uncertain}
    assert drawn(1) == first
    assert drawn(2) != first


def test_a_script_with_a_typo_is_refused(fake: FakeProvider) -> None:
    with pytest.raises(ValueError, match="there is no act"):
        fake.behave(list=[{"do": "ok_than_hang"}])


class TestIdempotency:
    @pytest.fixture
    def resend(self, fake: FakeProvider) -> Iterator[JsonProvider]:
        with closing(_adapter("resend", fake)) as found:
            yield found

    def test_the_same_call_gives_the_stored_answer(self, fake: FakeProvider, resend: JsonProvider) -> None:
        fake.behave(list=[{"do": "ok_then_reset"}])
        lost = _send(resend, 1, 2, key="same")
        again = _send(resend, 1, 2, key="same")

        assert [_kind(one) for one in lost] == [Uncertain] * 2
        assert again == _send(resend, 1, 2, key="same")
        assert again == [Accepted(entry.id) for entry in fake.entries()]
        assert _taken(fake) == [a_send_id(1), a_send_id(2)]

    def test_other_bytes_under_the_key_are_refused(self, fake: FakeProvider, resend: JsonProvider) -> None:
        _send(resend, 1, key="used")

        [outcome] = _send(resend, 2, key="used")

        assert "invalid_idempotent_request" in outcome.reason  # type: ignore[union-attr]
        assert _taken(fake) == [a_send_id(1)]

    def test_a_second_one_at_the_same_time_is_refused(self, fake: FakeProvider, resend: JsonProvider) -> None:
        fake.behave(accept_delay=0.5)
        with ThreadPoolExecutor(2) as threads:
            both = list(threads.map(lambda _: _send(resend, 1, key="twice")[0], range(2)))

        assert sorted(type(one).__name__ for one in both) == ["Accepted", "Uncertain"]
        assert _taken(fake) == [a_send_id(1)]

    def test_what_was_not_taken_leaves_the_key_free(self, fake: FakeProvider, resend: JsonProvider) -> None:
        fake.behave(list=[{"do": "5xx"}, {"do": "reset"}])
        _send(resend, 1, key="free")
        _send(resend, 1, key="free")

        assert [_kind(one) for one in _send(resend, 1, key="free")] == [Accepted]


class TestLookUp:
    @pytest.fixture
    def postmark(self, fake: FakeProvider) -> Iterator[JsonProvider]:
        with closing(_adapter("postmark", fake)) as found:
            yield found

    def test_it_finds_what_was_taken(self, fake: FakeProvider, postmark: JsonProvider) -> None:
        fake.behave(list=[{"do": "ok_then_reset"}])
        _send(postmark, 1)

        [entry] = fake.entries()
        assert postmark.look_up([a_send_id(1), a_send_id(2)]) == {a_send_id(1): entry.id, a_send_id(2): None}

    def test_its_index_runs_behind(self, fake: FakeProvider, postmark: JsonProvider) -> None:
        fake.behave(lookup_lag=60)
        _send(postmark, 1)

        assert postmark.look_up([a_send_id(1)]) == {a_send_id(1): None}

    def test_it_fails_by_a_script_of_its_own(self, fake: FakeProvider, postmark: JsonProvider) -> None:
        fake.behave(lookups={"list": [{"do": "5xx"}]})
        _send(postmark, 1)

        assert postmark.look_up([a_send_id(1)]) == {}
        assert postmark.look_up([a_send_id(1)]) != {}


class TestSilence:
    def test_a_client_that_says_nothing_is_hung_up_on(self, fake: FakeProvider) -> None:
        with _connected(fake) as client:
            assert client.recv(1) == b""

    def test_half_a_body_is_not_taken(self, fake: FakeProvider) -> None:
        head = b"POST /email HTTP/1.1\r\nX-Postmark-Server-Token: t\r\nContent-Length: 1000\r\n\r\n"
        with _connected(fake) as client:
            client.sendall(head + b'{"To": "a@x.test"')
            assert client.recv(1) == b""

        assert fake.entries() == []
        eventually(lambda: fake.state()["hung_up"] >= 1)


@contextmanager
def _connected(fake: FakeProvider) -> Iterator[socket.socket]:
    parts = urlsplit(fake.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as client:
        yield client


class TestProcess:
    def test_the_ledger_goes_on_after_a_restart(self, tmp_path: Path) -> None:
        with FakeProvider(tmp_path, options=("--for", "60")) as fake, closing(_adapter("postmark", fake)) as adapter:
            _send(adapter, 1)
            fake.stop()
            fake.start()
            _send(adapter, 2)

            assert _taken(fake) == [a_send_id(1), a_send_id(2)]
            assert adapter.look_up([a_send_id(1)])[a_send_id(1)]

    def test_it_ends_by_itself(self, tmp_path: Path) -> None:
        with FakeProvider(tmp_path, options=("--for", "0.2")) as fake:
            eventually(lambda: fake.poll() == 0)

    def test_blind_it_still_tells_every_send_id(self, tmp_path: Path) -> None:
        options = ("--blind", "--latency", "0.05", "--for", "60")
        with FakeProvider(tmp_path, options=options) as fake:
            for name in ("postmark", "resend"):
                with closing(_adapter(name, fake)) as adapter:
                    assert [_kind(one) for one in _send(adapter, 1, 2)] == [Accepted] * 2

            assert _taken(fake) == [a_send_id(1), a_send_id(2)] * 2


class TestSmtp:
    @pytest.mark.parametrize(
        ("act", "outcome", "taken"),
        [
            ({"do": "ok"}, Accepted, 1),
            ({"do": "ok_then_reset"}, Uncertain, 1),
            ({"do": "5xx"}, Unreachable, 0),
            ({"do": "429"}, Unreachable, 0),
            ({"do": "reject_all", "what": "recipient"}, RECIPIENT, 0),
            ({"do": "reject_all", "what": "message"}, MESSAGE, 0),
        ],
    )
    def test_each_behaviour_has_its_meaning(
        self, tmp_path: Path, act: dict[str, str], outcome: object, taken: int
    ) -> None:
        with FakeProvider(tmp_path, {"list": [act]}, smtp=True, options=("--for", "60")) as fake:
            server = Server("127.0.0.1", urlsplit(fake.url).port or 0, "clear")
            with closing(Smtp(server, lambda: datetime(2026, 11, 23, tzinfo=UTC))) as smtp:
                [found] = smtp.send([a_message(1)], "k")

            assert _kind(found) == outcome
            assert len(fake.entries()) == taken
            for entry in fake.entries():
                assert (entry.send_id, entry.to) == (a_send_id(1), "runner1@x.test")
                assert entry.list_unsubscribe.startswith("<https://course.test/u/")
                assert entry.subject == "Lesson 1: schön langsam"


class TestHooks:
    def test_the_signature_is_svix_s(self) -> None:
        """The golden vector of shared/providers.md 4.4."""
        body = b'{"type":"email.delivered","data":{"email_id":"e1"}}'

        headers = hooks.svix_headers("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", "msg_1", 1700000000, body)

        assert headers["svix-signature"] == "v1,fVVOXVnmmZEAdS+EL4ys14Rz7yVB9/e8QfL/2kEPI88="

    def test_early_events_come_before_the_answer(self, fake: FakeProvider, adapter: JsonProvider) -> None:
        with _listening() as listener:
            fake.behave(hooks={"url": listener.url, "secret": "whsec_c2VjcmV0", "events": ["delivered", "bounced"]})
            _send(adapter, 31, key="early")

            assert [_send_id(seen) for seen in listener.seen] == [a_send_id(31)] * 2

    def test_late_ones_after_it_and_doubled(self, fake: FakeProvider, adapter: JsonProvider) -> None:
        with _listening() as listener:
            late = {"url": listener.url, "secret": "whsec_c2VjcmV0", "when": "late", "delay": 0.3, "copies": 2}
            fake.behave(hooks=late)
            _send(adapter, 32, key="late")
            assert listener.seen == []
            eventually(lambda: len(listener.seen) == 2)

        first, second = listener.seen
        assert first.body == second.body
        assert first.headers.get("svix-id") == second.headers.get("svix-id")

    def test_shuffled_ones_are_all_there(self, fake: FakeProvider, adapter: JsonProvider) -> None:
        numbers = range(41, 51)
        with _listening() as listener:
            fake.behave(hooks={"url": listener.url, "secret": "whsec_c2VjcmV0", "shuffle": 10})
            _send(adapter, *numbers, key="shuffled")

        came, sent = [_send_id(seen) for seen in listener.seen], [a_send_id(number) for number in numbers]
        assert came != sent
        assert sorted(came) == sent

    def test_forged_ones_have_a_wrong_proof(self, fake: FakeProvider, adapter: JsonProvider) -> None:
        with _listening() as listener:
            url = listener.url.replace("//", "//user:secret@")
            fake.behave(hooks={"url": url, "secret": "whsec_c2VjcmV0"})
            _send(adapter, 33, key="forged")
            fake.emit(send_id=a_send_id(33), events=["complained"], forge=True)

        true, forged = listener.seen
        assert true.proof
        assert forged.proof
        assert true.proof != forged.proof


class _Seen:
    def __init__(self, handler: http.server.BaseHTTPRequestHandler):
        self.headers, self.path = handler.headers, handler.path
        self.body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.proof = handler.headers.get("authorization", "") + handler.headers.get("svix-signature", "")


class _Listener(http.server.ThreadingHTTPServer):
    def __init__(self) -> None:
        self.seen: list[_Seen] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hooks/x/secret"

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)  # HTTPServer's would ask the DNS for our name


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.server.seen.append(_Seen(self))  # type: ignore[attr-defined]
        self.send_response(http.client.OK)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def _listening() -> Iterator[_Listener]:
    listener = _Listener()
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield listener
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()


def _send_id(seen: _Seen) -> str:
    said = json.loads(seen.body)
    return str(said["Metadata"]["send_id"] if "Metadata" in said else said["data"]["tags"]["send_id"])

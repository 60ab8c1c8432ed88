"""The failing cases that every provider behind HTTP must read alike: written once, inherited by each one's tests."""

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from email.utils import formatdate
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course.core.outcome import Accepted, Misconfigured, Outcome, Refused, Uncertain, Unreachable
from course.mail.http import LONGEST_BODY, Answer, Patience
from course.mail.json_provider import JsonProvider
from tests.mail import http_server
from tests.mail.http_server import ScriptedServer, says, serving
from tests.mail.letters import a_letter, a_message

PATIENT = Patience(connect=2, read=5, total=10)
IMPATIENT = Patience(connect=0.2, read=0.1, total=0.25)
BUFFERS = 8 << 20  # bytes that the kernel takes on both sides, though nobody reads them
NOW = 1_800_000_000  # the server's clock, as seconds since 1970
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["data", "errors", "index", "id", "name", "message", "ErrorCode", "Message", "MessageID"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


class HttpProviderCases:
    """A subclass says how to make its provider and what its provider's good answer looks like."""

    path: str
    auth: tuple[str, str]  # the header with the key

    def make(self, base_url: str, patience: Patience) -> JsonProvider:
        raise NotImplementedError

    def good(self, count: int) -> object:
        """The JSON that accepts `count` messages; their ids there are "id0", "id1" …"""
        raise NotImplementedError

    @pytest.fixture
    def provider(self, server: ScriptedServer) -> Iterator[JsonProvider]:
        with closing(self.make(server.url, PATIENT)) as provider:
            yield provider

    def test_a_good_answer_accepts_all(self, server: ScriptedServer, provider: JsonProvider) -> None:
        server.script = [says(200, self.good(3))]
        messages = [a_message(number) for number in (1, 2, 3)]

        assert provider.send(messages, "key-1") == [Accepted("id0"), Accepted("id1"), Accepted("id2")]

        [request] = server.seen
        assert (request.method, request.path) == ("POST", self.path)
        assert request.headers.get_all(self.auth[0]) == [self.auth[1]]
        assert request.headers["Content-Type"] == "application/json"
        assert request.body == provider.build(messages)
        assert int(request.headers["Content-Length"]) == len(request.body)

    def test_the_same_messages_are_the_same_bytes(self, provider: JsonProvider) -> None:
        def build() -> bytes:
            return provider.build([a_message(number) for number in range(provider.batch_size)])

        assert build() == build()

    def test_a_connection_is_used_again(self, server: ScriptedServer, provider: JsonProvider) -> None:
        server.script = [says(200, self.good(1))]
        for _ in range(3):
            assert provider.send([a_message()], "k") == [Accepted("id0")]
        assert (len(server.seen), server.connections) == (3, 1)

    def test_closed_it_may_be_used_again(self, server: ScriptedServer, provider: JsonProvider) -> None:
        server.script = [says(200, self.good(1))]
        for _ in range(2):
            assert provider.send([a_message()], "k") == [Accepted("id0")]
            provider.close()
        assert server.connections == 2

    def test_from_many_threads(self, server: ScriptedServer, provider: JsonProvider) -> None:
        server.script = [says(200, self.good(1))]
        with ThreadPoolExecutor(32) as pool:
            calls = [pool.submit(provider.send, [a_message(n)], f"k{n}") for n in range(96)]
            assert all(call.result() == [Accepted("id0")] for call in calls)
        assert len({request.body for request in server.seen}) == 96

    @pytest.mark.parametrize(
        "behave",
        [
            http_server.resets,
            http_server.hangs_up,
            http_server.babbles,
            says(200, b"<html>Welcome to the hotel's network</html>", Content_Type="text/html"),
            says(200, b""),
            says(204, b""),
            says(200, b"[" * 100_000),
            says(200, b"\xff\xfe["),
            says(200, None),
            says(200, {}),
            says(200, []),
            says(200, "accepted"),
            says(500, b"<html>oops</html>"),
            says(500, {"message": "oops"}),
            says(502, b"<html>bad gateway</html>"),
            says(503, b"<html>unavailable</html>"),
            says(504, b"<html>gateway timeout</html>"),
        ],
    )
    def test_once_it_is_sent_nobody_knows(
        self, server: ScriptedServer, provider: JsonProvider, behave: http_server.Behaviour
    ) -> None:
        server.script = [behave]
        outcomes = provider.send([a_message(1), a_message(2)], "k")
        assert [type(outcome) for outcome in outcomes] == [Uncertain, Uncertain]
        assert len(server.seen) == 1, "and nothing was sent a second time"

    @pytest.mark.parametrize("behave", [http_server.hangs, http_server.stalls, http_server.drips])
    def test_silence_ends_in_time(self, server: ScriptedServer, behave: http_server.Behaviour) -> None:
        server.script = [behave]
        began = time.monotonic()
        assert is_all(Uncertain, self.send_to(server.url, patience=IMPATIENT))
        assert len(server.seen) == 1
        assert time.monotonic() - began < 2

    def test_half_an_answer(self, server: ScriptedServer, provider: JsonProvider) -> None:
        server.script = [http_server.truncates(self.good(2))]
        assert is_all(Uncertain, provider.send([a_message(1), a_message(2)], "k"))

    @pytest.mark.parametrize("count", [1, 3])
    def test_an_answer_to_another_number_of_messages(
        self, server: ScriptedServer, provider: JsonProvider, count: int
    ) -> None:
        server.script = [says(200, self.good(count))]
        outcomes = provider.send([a_message(1), a_message(2)], "k")
        assert len(outcomes) == 2
        assert is_all(Uncertain, outcomes)

    def test_an_answer_without_end(self, server: ScriptedServer, provider: JsonProvider) -> None:
        server.script = [http_server.pours]
        with closing(self.make(server.url, Patience())) as patient:
            assert is_all(Uncertain, patient.send([a_message()], "k"))
        assert poured(server) < LONGEST_BODY + BUFFERS

    def test_a_redirect_without_end(self, server: ScriptedServer) -> None:
        server.script = [lambda handler: http_server.pours(handler, 302)]
        assert is_all(Misconfigured, self.send_to(server.url))
        assert poured(server) < BUFFERS

    @pytest.mark.parametrize(
        ("headers", "after"),
        [
            ({}, None),
            ({"Retry_After": "7"}, 7.0),
            ({"Retry_After": "0"}, 0.0),
            ({"Retry_After": formatdate(NOW + 90, usegmt=True)}, 90.0),
            ({"RateLimit_Reset": "30"}, 30.0),
            ({"RateLimit_Reset": str(NOW + 45)}, 45.0),
            ({"Retry_After": "31536000"}, 3600.0),
            ({"Retry_After": "-5"}, None),
            ({"Retry_After": "soon"}, None),
            ({"Retry_After": formatdate(NOW - 90, usegmt=True)}, None),
            ({"Retry_After": "soon", "RateLimit_Reset": "30"}, 30.0),
        ],
    )
    def test_too_many_requests(
        self,
        monkeypatch: pytest.MonkeyPatch,
        server: ScriptedServer,
        provider: JsonProvider,
        headers: dict[str, str],
        after: float | None,
    ) -> None:
        monkeypatch.setattr(
            http_server.Handler, "date_time_string", lambda *_: formatdate(NOW, usegmt=True)
        )  # the server's own clock
        server.script = [says(429, b"slow down", **headers)]
        outcomes = provider.send([a_message(1), a_message(2)], "k")
        assert is_all(Unreachable, outcomes)
        assert [outcome.after for outcome in outcomes] == [after, after]  # type: ignore[union-attr]

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed(self, server: ScriptedServer, provider: JsonProvider, status: int) -> None:
        with serving() as elsewhere:
            elsewhere.script = [says(200, self.good(1))]
            server.script = [says(status, {"message": "moved"}, Location=elsewhere.url + self.path)]
            assert is_all(Misconfigured, provider.send([a_message()], "k"))
            assert elsewhere.seen == []

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 407, 410, 422, 451])
    def test_a_stranger_refused_it(self, server: ScriptedServer, provider: JsonProvider, status: int) -> None:
        """A proxy or a firewall, since the provider would have spoken JSON: no message is to blame."""
        server.script = [says(status, b"<html>blocked</html>", Content_Type="text/html")]
        assert is_all(Misconfigured, provider.send([a_message(1), a_message(2)], "k"))

    def test_too_large(self, server: ScriptedServer, provider: JsonProvider) -> None:
        server.script = [says(413, b"<html>too large</html>")]
        [outcome] = provider.send([a_message()], "k")
        assert isinstance(outcome, Refused)
        assert outcome.scope == "message"

    def test_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        assert is_all(Unreachable, self.send_to(f"http://127.0.0.1:{port}"))

    def test_no_such_name(self) -> None:
        [outcome] = self.send_to("https://provider.invalid")
        assert isinstance(outcome, Unreachable)
        assert "gaierror" in outcome.reason

    def test_nobody_accepts(self) -> None:
        """The queue of a listener that accepts nobody is full: the connection takes too long."""
        with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
            address = listener.getsockname()
            with closing(socket.create_connection(address)), closing(_connecting(address)):
                assert is_all(Unreachable, self.send_to(f"http://127.0.0.1:{address[1]}", patience=IMPATIENT))

    def test_plain_http_on_a_tls_port(self, server: ScriptedServer) -> None:
        server.script = [says(200, self.good(1))]
        assert is_all(Misconfigured, self.send_to(server.url.replace("http:", "https:")))
        assert server.seen == []

    def test_a_certificate_that_nobody_signed(self) -> None:
        with serving(http_server.server_tls()) as server:
            server.script = [says(200, self.good(1))]
            [outcome] = self.send_to(server.url)
            assert isinstance(outcome, Misconfigured)
            assert "CERTIFICATE_VERIFY_FAILED" in outcome.reason
            assert server.seen == [], "the key never left"

    def test_hanging_up_in_the_handshake(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def accept_and_close() -> None:
                listener.accept()[0].close()

            threading.Thread(target=accept_and_close, daemon=True).start()
            assert is_all(Unreachable, self.send_to(f"https://127.0.0.1:{listener.getsockname()[1]}"))

    def test_hanging_up_in_the_middle_of_the_request(self) -> None:
        """Half of a JSON array is no request, so it surely was not taken."""
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def read_a_little() -> None:
                connection, _ = listener.accept()
                connection.recv(1000)
                http_server.resets(_Torn(connection))  # type: ignore[arg-type]

            threading.Thread(target=read_a_little, daemon=True).start()
            outcomes = self.send_to(f"http://127.0.0.1:{listener.getsockname()[1]}", text="x" * 16_000_000)
        assert is_all(Unreachable, outcomes)

    def test_netrc_and_proxies_change_nothing(
        self, server: ScriptedServer, provider: JsonProvider, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login mallory password theirs\n")
        monkeypatch.setenv("NETRC", str(netrc))
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv("no_proxy", "")
        server.script = [says(200, self.good(1))]

        assert provider.send([a_message()], "k") == [Accepted("id0")]
        [request] = server.seen
        assert request.headers.get_all(self.auth[0]) == [self.auth[1]]
        assert self.auth[0] == "Authorization" or "Authorization" not in request.headers

    def test_cookies_are_not_kept(self, server: ScriptedServer, provider: JsonProvider) -> None:
        server.script = [says(200, self.good(1), Set_Cookie="a=b")]
        for _ in range(2):
            provider.send([a_message()], "k")
        assert [request.headers["Cookie"] for request in server.seen] == [None, None]

    @given(
        status=st.sampled_from([200, 201, 400, 401, 403, 409, 422, 429, 500, 503]), body=JSON, count=st.integers(1, 3)
    )
    @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
    def test_no_json_raises_or_blames_a_runner_for_a_batch(self, status: int, body: object, count: int) -> None:
        with closing(self.make("http://127.0.0.1:9", PATIENT)) as provider:
            provider._http.post = lambda *_: Answer(status, {}, body)  # type: ignore[method-assign]
            outcomes = provider.post(b"[]", "k", count)
        assert len(outcomes) == count
        if status >= 300:
            assert not any(isinstance(one, Accepted) for one in outcomes)
            assert count == 1 or not any(isinstance(one, Refused) and one.scope == "recipient" for one in outcomes)

    def test_what_two_messages_were_refused_for_is_nobodys_fault(
        self, server: ScriptedServer, provider: JsonProvider
    ) -> None:
        server.script = [says(422, self.refusal_of_a_recipient())]
        [alone] = provider.send([a_message()], "k")
        assert isinstance(alone, Refused)
        assert alone.scope == "recipient"
        together = provider.send([a_message(1), a_message(2)], "k")
        assert [outcome.scope for outcome in together] == ["call", "call"]  # type: ignore[union-attr]

    def refusal_of_a_recipient(self) -> object:
        raise NotImplementedError

    def test_two_recipients_in_one_never_leave(self, provider: JsonProvider) -> None:
        for to in ("a@x.test, b@x.test", "a@x.test\r\nBcc: b@x.test", "A <a@x.test>", "a", "a@b@x.test", ""):
            with pytest.raises(ValueError, match="address"):
                provider.build([a_message(to=to or " ")])

    def send_to(self, base_url: str, text: str = "Hallo", patience: Patience = PATIENT) -> list[Outcome]:
        with closing(self.make(base_url, patience)) as provider:
            return provider.send([a_message(letter=a_letter(text=text))], "k")


class _Torn:
    """Just enough of a handler for `resets`."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection


def _connecting(address: tuple[str, int]) -> socket.socket:
    """A second connection, which stays in the kernel's queue."""
    waiting = socket.socket()
    waiting.setblocking(False)
    waiting.connect_ex(address)
    return waiting


def poured(server: ScriptedServer) -> int:
    server.stopping.set()
    return server.poured


def is_all(kind: type, outcomes: list[Outcome]) -> bool:
    return bool(outcomes) and all(isinstance(outcome, kind) for outcome in outcomes)
